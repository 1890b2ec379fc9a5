import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { copyImage } from '../../src/image/copy.ts';
import { loadImage } from '../../src/image/load.ts';
import { MEDIA_TYPE } from '../../src/oci/media-type.ts';
import { parseReference } from '../../src/oci/reference.ts';
import { openRegistryClient } from '../../src/registry/client.ts';
import type { RegistryOptions } from '../../src/registry/session.ts';
import { openOciLayoutSink } from '../../src/sinks/oci-layout.ts';
import { openStoreSink } from '../../src/sinks/store.ts';
import { openRegistrySource } from '../../src/sources/registry.ts';
import { failureOf } from '../support/failure-of.ts';
import { describe, makeImage } from '../support/image/image.ts';
import { makeCertificate } from '../support/registry/certificate.ts';
import { type Exchange, type FakeRegistry, startFakeRegistry } from '../support/registry/fake-registry.ts';
import { tempDir } from '../support/temp-dir.ts';
import { haveTools } from '../support/tools.ts';

// A repository that several hosts have: which of them is asked for what, and what happens when one fails.

const test = suite('registry/mirrored');
const MANIFEST = Buffer.from(
  JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociManifest, config: {}, layers: [] }),
);
const DOCUMENT = describe(MEDIA_TYPE.ociManifest, MANIFEST);
const BYTES = Buffer.alloc(300_000, 'layer');
const BLOB = describe('application/octet-stream', BYTES);
const BLOB_PATH = `/v2/team/app/blobs/${BLOB.digest}`;
const TAG_PATH = '/v2/team/app/manifests/1';

const manifest = (path: string, more: Partial<Exchange> = {}): Exchange => ({
  path,
  headers: { 'content-type': MEDIA_TYPE.ociManifest },
  body: MANIFEST,
  ...more,
});

/** A registries.conf by which a mirror stands before a registry. */
function registriesConf(origin: FakeRegistry, ...mirrors: readonly (FakeRegistry | string)[]): string {
  const file = join(tempDir(), 'registries.conf');
  const tables = mirrors.map((mirror) => {
    const host = typeof mirror === 'string' ? mirror : mirror.host;
    return `[[registry.mirror]]\nlocation = "${host}"\n`;
  });
  writeFileSync(file, `[[registry]]\nlocation = "${origin.host}"\n${tables.join('')}`);
  return file;
}

function hostsDir(origin: FakeRegistry, toml: string): string {
  const root = tempDir();
  const folder = join(root, origin.host);
  mkdirSync(folder);
  writeFileSync(join(folder, 'hosts.toml'), toml);
  return root;
}

interface Asked {
  readonly client: ReturnType<typeof openRegistryClient>;
  readonly details: readonly string[];
}

function clientOf(origin: FakeRegistry, mirrors: RegistryOptions['mirrors'], options: RegistryOptions = {}): Asked {
  const details: string[] = [];
  const onEvent: RegistryOptions['onEvent'] = (event) => {
    if (event.kind === 'detail') details.push(event.message);
  };
  const settings = {
    env: { HOME: '/nonexistent' },
    requests: { retries: 0, retryDelay: 1 },
    onEvent,
    ...options,
    mirrors,
  };
  return { client: openRegistryClient({ registry: origin.host, repository: 'team/app' }, settings), details };
}

async function bytesOf(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(Buffer.from(chunk));
  return Buffer.concat(all);
}

test('a mirror is asked first, and the registry not at all where the mirror has all', async () => {
  await using origin = await startFakeRegistry();
  await using mirror = await startFakeRegistry([manifest(TAG_PATH), { path: BLOB_PATH, body: BYTES }]);
  const { client, details } = clientOf(origin, { registriesConf: registriesConf(origin, mirror) });
  assert.is((await client.document('1'))?.descriptor.digest, DOCUMENT.digest);
  assert.ok((await bytesOf(client.blobChunks(BLOB))).equals(BYTES));
  assert.equal(origin.requests, []);
  assert.match(details[0] ?? '', /is asked of .*team\/app, then of .*registries\.conf/);
  client.close();
});

test('what a mirror lacks, refuses or gets wrong comes from the next host', async () => {
  const faults: readonly Partial<Exchange>[] = [
    { status: 404 },
    { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } },
    { status: 503 },
    { hangUp: true },
    { body: 'other bytes' },
    { headers: { 'content-type': 'text/html' }, body: '<html><title>Log in</title></html>' },
  ];
  for (const fault of faults) {
    await using origin = await startFakeRegistry([manifest(`/v2/team/app/manifests/${DOCUMENT.digest}`)]);
    await using mirror = await startFakeRegistry([manifest(`/v2/team/app/manifests/${DOCUMENT.digest}`, fault)]);
    const { client, details } = clientOf(origin, { registriesConf: registriesConf(origin, mirror) });
    const found = await client.document(DOCUMENT.digest);
    assert.ok(found?.bytes.equals(MANIFEST), JSON.stringify(fault));
    assert.is(mirror.log.length, 1);
    assert.match(details.at(-1) ?? '', /does not give manifest of .* is asked$/);
    client.close();
  }
});

test('a blob whose mirror breaks off comes from the next host, from there on', async () => {
  const half = BYTES.length / 2;
  await using origin = await startFakeRegistry();
  await using mirror = await startFakeRegistry([{ path: BLOB_PATH, body: BYTES, cutAfter: half }]);
  origin.expect({
    path: BLOB_PATH,
    status: 206,
    headers: { 'content-range': `bytes ${half}-${BYTES.length - 1}/${BYTES.length}` },
    body: BYTES.subarray(half),
  });
  const { client } = clientOf(origin, { registriesConf: registriesConf(origin, mirror) });
  assert.ok((await bytesOf(client.blobChunks(BLOB))).equals(BYTES));
  assert.is(origin.requests.at(-1)?.headers.range, `bytes=${half}-${BYTES.length - 1}`);
  client.close();
});

test('a blob of which a mirror gives other bytes is fetched again from the registry, and checked', async () => {
  const made = makeImage({ layers: [BYTES], gzip: true });
  const served = (wrong: boolean): readonly Exchange[] =>
    [...made.blobs].map(([digest, bytes]) => {
      const isLayer = bytes[0] === 0x1f;
      const isManifest = digest === made.descriptor.digest;
      const path = isManifest ? TAG_PATH : `/v2/team/app/blobs/${digest}`;
      const body = wrong && isLayer ? Buffer.alloc(bytes.length) : bytes;
      return { path, body, ...(isManifest && { headers: { 'content-type': made.descriptor.mediaType } }) };
    });
  for (const openSink of [openOciLayoutSink, openStoreSink]) {
    await using origin = await startFakeRegistry(served(false));
    await using mirror = await startFakeRegistry(served(true));
    const reference = parseReference(`${origin.host}/team/app:1`);
    const mirrors = { registriesConf: registriesConf(origin, mirror) };
    const source = openRegistrySource(reference, { env: { HOME: '/nonexistent' }, mirrors });
    const image = await loadImage(source, { name: '1' }, {});
    const sink = await openSink(join(tempDir(), 'made'));
    const report = await copyImage(image, sink, { names: [openSink === openStoreSink ? 'app:1' : '1'] });
    assert.is(report.reused, 0);
    await sink.close();
    await source.close();
    assert.equal(origin.log, [`GET /v2/team/app/blobs/${image.manifest.layers[0]?.digest}`]);
  }
});

test('a mirror that cannot be reached is left out for the rest of the run', async () => {
  const gone = await startFakeRegistry();
  const { host } = gone;
  await gone[Symbol.asyncDispose]();
  await using origin = await startFakeRegistry([manifest(TAG_PATH), { path: BLOB_PATH, body: BYTES }]);
  const { client, details } = clientOf(origin, { registriesConf: registriesConf(origin, host) });
  await client.document('1');
  await bytesOf(client.blobChunks(BLOB));
  assert.is(details.filter((detail) => detail.startsWith(host)).length, 1, details.join('\n'));
  client.close();
});

test('when all fail, the error tells of every host, and has the registry’s code', async () => {
  const gone = await startFakeRegistry();
  await gone[Symbol.asyncDispose]();
  await using mirror = await startFakeRegistry([{ path: TAG_PATH, status: 403, body: 'no' }]);
  await using origin = await startFakeRegistry([
    { path: TAG_PATH, status: 500 },
    { path: BLOB_PATH, status: 404 },
  ]);
  const { client } = clientOf(origin, { registriesConf: registriesConf(origin, gone.host, mirror) });
  const error = await failureOf(client.document('1'), 'REGISTRY_ERROR');
  assert.match(
    error.why ?? '',
    new RegExp(`^${gone.host}: .*refused; ${mirror.host}: .*403.*; ${origin.host}: HTTP 500`),
  );
  assert.equal(error.facts.hosts, [gone.host, mirror.host, origin.host]);
  const lacking = await failureOf(bytesOf(client.blobChunks(BLOB)), 'BLOB_NOT_FOUND');
  assert.match(lacking.why ?? '', new RegExp(`${mirror.host}: HTTP 404.*${origin.host}: HTTP 404`));
  client.close();
});

test('a tag that no host has is told with all hosts', async () => {
  await using mirror = await startFakeRegistry();
  await using origin = await startFakeRegistry();
  const mirrors = { registriesConf: registriesConf(origin, mirror) };
  const reference = parseReference(`${origin.host}/team/app:1`);
  const source = openRegistrySource(reference, { env: { HOME: '/nonexistent' }, mirrors });
  const error = await failureOf(source.resolve(), 'IMAGE_NOT_FOUND');
  assert.match(error.why ?? '', new RegExp(`${mirror.host}: it has none; ${origin.host}: HTTP 404`));
  await source.close();
});

test('each host gets its own credentials, and what is given for the registry goes to the registry alone', async () => {
  const basic = (name: string) => `Basic ${Buffer.from(`${name}:pw`).toString('base64')}`;
  const asking: Exchange = { path: TAG_PATH, status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } };
  await using mirror = await startFakeRegistry([
    manifest(TAG_PATH, { when: { authorization: basic('mirror') } }),
    asking,
  ]);
  await using refusing = await startFakeRegistry([asking]);
  await using origin = await startFakeRegistry([
    manifest(TAG_PATH, { when: { authorization: basic('origin') } }),
    asking,
  ]);
  const authFile = join(tempDir(), 'auth.json');
  const auth = (name: string) => ({ auth: Buffer.from(`${name}:pw`).toString('base64') });
  writeFileSync(authFile, JSON.stringify({ auths: { [mirror.host]: auth('mirror'), [origin.host]: auth('stored') } }));
  const credentials = { kind: 'basic', username: 'origin', password: 'pw' } as const;
  const options = { authFile, credentials };

  const one = clientOf(origin, { registriesConf: registriesConf(origin, mirror) }, options);
  assert.ok(await one.client.document('1'));
  one.client.close();
  const two = clientOf(origin, { registriesConf: registriesConf(origin, refusing) }, options);
  assert.ok(await two.client.document('1'));
  two.client.close();

  const sentTo = (registry: FakeRegistry) => registry.requests.map(({ headers }) => headers.authorization);
  // First, each is asked whether it speaks plain HTTP
  assert.equal(sentTo(mirror), [undefined, undefined, basic('mirror')]);
  assert.equal(sentTo(refusing), [undefined, undefined]);
  assert.equal(sentTo(origin), [undefined, undefined, basic('origin')]);
});

test('hosts.toml: tags go to hosts that resolve, digests to those that pull, with ?ns= and own headers', async () => {
  const digestPath = `/v2/team/app/manifests/${DOCUMENT.digest}`;
  await using origin = await startFakeRegistry([manifest(TAG_PATH)]);
  const ns = `?ns=${encodeURIComponent(origin.host)}`;
  await using mirror = await startFakeRegistry([manifest(`/hub${digestPath}${ns}`, { when: { 'x-fleet': 'node-1' } })]);
  const toml = `[host."http://${mirror.host}/hub"]\ncapabilities = ["pull"]\n[host."http://${mirror.host}/hub".header]\nX-Fleet = "node-1"\n`;
  const { client } = clientOf(origin, { registriesConf: '/dev/null', hostsDir: hostsDir(origin, toml) });
  assert.ok(await client.document('1'));
  assert.ok(await client.document(DOCUMENT.digest));
  assert.equal(mirror.log, [`GET /hub${digestPath}${ns}`]);
  assert.equal(origin.log, [`GET ${TAG_PATH}`]);
  assert.ok(origin.requests.every(({ headers }) => headers['x-fleet'] === undefined));
  client.close();
});

test('a header of hosts.toml goes to its host alone, not along a redirect', async () => {
  await using store = await startFakeRegistry([{ path: '/bucket', body: BYTES }]);
  await using origin = await startFakeRegistry();
  await using mirror = await startFakeRegistry();
  const ns = `?ns=${encodeURIComponent(origin.host)}`;
  mirror.expect({ path: `${BLOB_PATH}${ns}`, status: 307, headers: { location: `${store.origin}/bucket` } });
  const toml = `[host."http://${mirror.host}"]\n[host."http://${mirror.host}".header]\nauthorization = "Bearer own"\n`;
  const { client } = clientOf(origin, { registriesConf: '/dev/null', hostsDir: hostsDir(origin, toml) });
  assert.ok((await bytesOf(client.blobChunks(BLOB))).equals(BYTES));
  assert.is(mirror.requests.at(-1)?.headers.authorization, 'Bearer own');
  assert.is(store.requests[0]?.headers.authorization, undefined);
  client.close();
});

test('hosts.toml: authorities and skip_verify are for the host that they are written for', async () => {
  if (!haveTools('openssl')) return;
  const tls = makeCertificate('IP:127.0.0.1');
  await using mirror = await startFakeRegistry([], tls);
  await using origin = await startFakeRegistry([manifest(TAG_PATH)]);
  mirror.expect(manifest(`${TAG_PATH}?ns=${encodeURIComponent(origin.host)}`));
  const asked = async (settings: string, options: RegistryOptions = {}) => {
    const toml = `[host."https://${mirror.host}"]\n${settings}\n`;
    const before = mirror.log.length;
    const { client } = clientOf(origin, { registriesConf: '/dev/null', hostsDir: hostsDir(origin, toml) }, options);
    assert.ok(await client.document('1'));
    client.close();
    return mirror.log.length > before;
  };
  assert.is(await asked(''), false);
  assert.is(await asked(`ca = "${tls.certFile}"`), true);
  assert.is(await asked('skip_verify = true'), true);
  // What is said of the registry by options does not weaken a mirror.
  assert.is(await asked('', { tlsVerify: false }), false);
});

test('without hosts.toml, certificates in the folder of a registry count, as in docker’s certs.d', async () => {
  if (!haveTools('openssl')) return;
  const tls = makeCertificate('IP:127.0.0.1');
  await using origin = await startFakeRegistry([manifest(TAG_PATH)], tls);
  const folder = tempDir();
  const asked = async (options: RegistryOptions = {}) => {
    const files = { registriesConf: '/dev/null', hostsDir: folder };
    const { client } = clientOf(origin, files, { tlsVerify: true, ...options });
    return client.document('1').finally(() => client.close());
  };
  for (const spelled of [origin.host, `${origin.host.replace(':', '_')}_`, '_default']) {
    const own = join(folder, spelled);
    mkdirSync(own);
    await failureOf(asked(), 'REGISTRY_UNREACHABLE');
    copyFileSync(tls.certFile, join(own, 'ca.crt'));
    assert.ok(await asked(), spelled);
    // Another folder of certificates replaces it.
    await failureOf(asked({ certDir: tempDir() }), 'REGISTRY_UNREACHABLE');
    copyFileSync(tls.certFile, join(own, 'client.cert'));
    assert.match((await failureOf(asked(), 'FILESYSTEM')).hint ?? '', 'client.key');
    // With the file, only what it names counts.
    writeFileSync(join(own, 'hosts.toml'), 'skip_verify = false\n');
    await failureOf(asked(), 'REGISTRY_UNREACHABLE');
    rmSync(own, { recursive: true });
  }
});

test('pushes and deletions go to the registry, whatever mirrors there are', async () => {
  await using mirror = await startFakeRegistry();
  await using origin = await startFakeRegistry([
    { method: 'PUT', path: TAG_PATH, status: 201 },
    { method: 'DELETE', path: TAG_PATH, status: 202 },
    { method: 'HEAD', path: BLOB_PATH, status: 404 },
  ]);
  const made = makeImage({ layers: [] });
  const toml = `[host."http://${mirror.host}"]\n`;
  for (const mirrors of [
    { registriesConf: registriesConf(origin, mirror) },
    { registriesConf: '/dev/null', hostsDir: hostsDir(origin, toml) },
  ]) {
    const { client } = clientOf(origin, mirrors);
    await client.put({ descriptor: made.descriptor, bytes: made.blobs.get(made.descriptor.digest) ?? MANIFEST }, '1');
    assert.is(await client.hasBlob(BLOB), false);
    assert.is(await client.delete('1'), true);
    client.close();
  }
  assert.equal(mirror.requests, []);
});

test('a location is for reading: pushes go to the registry of the reference, by the hosts.toml of that one', async () => {
  await using origin = await startFakeRegistry([{ method: 'DELETE', path: TAG_PATH, status: 202 }]);
  await using real = await startFakeRegistry([manifest(TAG_PATH)]);
  const refusing = `[host."${origin.origin}"]\ncapabilities = ["pull"]\n`;
  const registriesConf = join(tempDir(), 'registries.conf');
  writeFileSync(registriesConf, `[[registry]]\nprefix = "${origin.host}"\nlocation = "${real.host}"\n`);
  for (const dir of [tempDir(), hostsDir(real, refusing), hostsDir(real, `server = "${real.origin}"\n`)]) {
    const { client } = clientOf(origin, { registriesConf, hostsDir: dir });
    assert.ok(await client.document('1'));
    assert.is(await client.delete('1'), true);
    client.close();
  }
  assert.equal(origin.log, Array(3).fill(`DELETE ${TAG_PATH}`));
  // The file of the reference's registry names another host that takes content.
  await using taker = await startFakeRegistry([{ method: 'DELETE', path: TAG_PATH, status: 202 }]);
  taker.expect({ method: 'DELETE', path: `${TAG_PATH}?ns=${encodeURIComponent(origin.host)}`, status: 202 });
  const dir = hostsDir(origin, `server = "${taker.origin}"\n`);
  const { client } = clientOf(origin, { registriesConf, hostsDir: dir });
  assert.is(await client.delete('1'), true);
  client.close();
  assert.is(taker.log.length, 1);
});

test('what is blocked is not asked of anybody, not even for writing', async () => {
  await using origin = await startFakeRegistry();
  const file = join(tempDir(), 'registries.conf');
  writeFileSync(file, `[[registry]]\nlocation = "${origin.host}/team"\nblocked = true\n`);
  const { client } = clientOf(origin, { registriesConf: file });
  await failureOf(client.document('1'), 'REGISTRY_BLOCKED');
  await failureOf(client.tags(), 'REGISTRY_BLOCKED');
  await failureOf(client.hasBlob(BLOB), 'REGISTRY_BLOCKED');
  client.close();
  assert.equal(origin.requests, []);
  const free = clientOf(origin, false);
  assert.is(await free.client.document('1'), undefined);
  free.client.close();
});

test('a missing file of a certificate is a fault of hosts.toml: no further host is asked', async () => {
  await using origin = await startFakeRegistry([manifest(TAG_PATH)]);
  const dir = hostsDir(origin, '[host."https://127.0.0.1:9"]\nca = "nofile.crt"\nskip_verify = false\n');
  const { client } = clientOf(origin, { registriesConf: '/dev/null', hostsDir: dir });
  try {
    const error = await failureOf(client.document('1'), 'REGISTRIES_INVALID');
    assert.is(error.where, join(dir, origin.host, 'nofile.crt'));
    assert.is(error.why, 'there is no such file');
    assert.match(error.hint ?? '', /hosts\.toml/);
  } finally {
    client.close();
  }
  assert.is(origin.requests.length, 0);
});

test.run();

import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../src/errors.ts';
import { MEDIA_TYPE } from '../../src/oci/media-type.ts';
import { parsePlatform } from '../../src/oci/platform.ts';
import { parseReference } from '../../src/oci/reference.ts';
import { openRegistrySink } from '../../src/sinks/registry.ts';
import { pullToStore } from '../../src/verbs/image/pull-to-store.ts';
import { attachFiles } from '../../src/verbs/registry/attach.ts';
import { copySource } from '../../src/verbs/registry/copy.ts';
import { deleteImage, findDeletion } from '../../src/verbs/registry/delete.ts';
import { readManifest } from '../../src/verbs/registry/manifest.ts';
import { pushImage } from '../../src/verbs/registry/push.ts';
import { listTags } from '../../src/verbs/registry/tags.ts';
import { listReferrersOf } from '../../src/verbs/signatures/referrers.ts';
import { failureOf } from '../support/failure-of.ts';
import { describe, makeImage } from '../support/image/image.ts';
import { makeTwoPlatforms } from '../support/image/two-platforms.ts';
import type { Seen } from '../support/registry/allowed-request.ts';
import { type Fate, type Passed, startCuttingProxy } from '../support/registry/cutting-proxy.ts';
import { ACCOUNT, startDockerRegistry } from '../support/registry/docker-registry.ts';
import { type RecordingProxy, startRecordingProxy } from '../support/registry/recording-proxy.ts';
import { startUploadRegistry } from '../support/registry/upload-registry.ts';
import { tempDir } from '../support/temp-dir.ts';
import { haveTools } from '../support/tools.ts';

// Each request of a wide set of operations is one that the distribution spec allows a client, and each upload is ended.

const test = suite('registry/allowed-requests');
const platform = parsePlatform('linux/amd64');
const options = {
  env: { HOME: '/nonexistent' },
  platform,
  requests: { retries: 3, retryDelay: 1, timeouts: { connect: 5000, response: 5000, idle: 2000 } },
};

const { one, index, layout } = makeTwoPlatforms((of) =>
  makeImage({ layers: [randomBytes(50_000), randomBytes(120_000)], platform: of }),
);
const store = () => join(tempDir(), 'store');
const shape = ({ log }: RecordingProxy) => log.map(({ method }) => method);

/** Attaches notes to the first image, and returns their digests. */
async function attachNotes(name: string, count: number): Promise<readonly string[]> {
  const digests: string[] = [];
  for (let i = 0; i < count; i++) {
    const path = join(tempDir(), 'note.txt');
    writeFileSync(path, `note ${i}`);
    const annotations = { text: `note ${i}` };
    const files = [{ path, mediaType: 'text/plain' }];
    digests.push(
      (
        await attachFiles(parseReference(name), files, {
          ...options,
          artifactType: 'text/x',
          annotations,
          anywhere: true,
        })
      ).digest,
    );
  }
  return digests;
}

/** All that tsimg does with a registry where nothing fails. */
async function everything(proxy: RecordingProxy, deletesTags: boolean): Promise<void> {
  const at = (name: string) => `${proxy.host}/${name}`;
  const [app, remote] = [at('team/app'), `docker://${at('team/app')}`];
  await pushImage(`oci:${layout}:one`, parseReference(at('chunks:1')), { ...options, chunkSize: 20_000 });
  await pushImage(`oci:${layout}:one`, parseReference(`${app}:1`), options);
  await pushImage(`oci:${layout}:one`, parseReference(`${app}:2`), options);
  await copySource(`oci:${layout}:all`, `${app}:all`, { ...options, all: true });
  const notes = await attachNotes(`${app}:1`, 5);
  const attached = async () => (await listReferrersOf(`${remote}:1`, { ...options, root: store() })).length;
  assert.is(await attached(), 5);
  await deleteImage(parseReference(`${app}@${notes[2]}`), options);
  assert.is(await attached(), 4);
  await copySource(`${remote}:1`, at('mounted:1'), { ...options, root: store() });
  const copied = await copySource(`${remote}:1`, at('copied:1'), { ...options, referrers: true });
  assert.is(copied.attached, 4);
  const again = await copySource(`docker://${at('copied')}:1`, `store:${at('copied')}:1`, {
    ...options,
    root: store(),
    referrers: true,
  });
  assert.is(again.attached, copied.attached);
  for (const name of [`${app}:1`, `${app}:all`, `${app}@${index.descriptor.digest}`]) {
    const root = store();
    const report = await pullToStore(parseReference(name), { ...options, root });
    assert.is(report.manifestDigest, one.descriptor.digest);
    await pullToStore(parseReference(name), { ...options, root });
  }
  await pullToStore(parseReference(`${app}:all`), {
    ...options,
    root: store(),
    platform: undefined,
    allPlatforms: true,
  });
  const { descriptor } = await readManifest(`${remote}:all`, { ...options, platform: undefined, root: store() });
  assert.is(descriptor.digest, index.descriptor.digest);
  const tags = await listTags(parseReference(app), options);
  assert.equal(
    tags.filter((tag) => !tag.startsWith('sha256-')),
    ['1', '2', 'all'],
  );
  const two = parseReference(`${app}:2`);
  await findDeletion(two, options);
  if (deletesTags) await deleteImage(two, options);
  else await failureOf(deleteImage(two, options), 'REGISTRY_ERROR');
  await deleteImage(parseReference(`${app}@${index.descriptor.digest}`), options);
  await failureOf(deleteImage(parseReference(`${app}@${index.descriptor.digest}`), options), 'IMAGE_NOT_FOUND');
}

test('all that tsimg asks a registry with the referrers API is allowed, also in pages and chunks', async () => {
  await using registry = await startUploadRegistry({ leastChunk: 30_000, pageSize: 2 });
  await using proxy = await startRecordingProxy(registry.host);
  await everything(proxy, true);
  assert.equal(proxy.faults(), []);
  for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'])
    assert.ok(shape(proxy).includes(method), method);
  assert.ok(
    proxy.log.some(({ target }) => target.includes('/tags/list?')),
    'further pages are asked for',
  );
  const isList = ({ method, target }: Seen) => method === 'PUT' && target.includes('/manifests/sha256-');
  assert.not(proxy.log.some(isList), 'clients keep no list of referrers there');
});

test('a broken upload is asked about and goes on, and each upload is ended or given up', async () => {
  await using registry = await startUploadRegistry({ leastChunk: 30_000 });
  let sent = 0;
  const decide = ({ method }: Passed): Fate => (/^(?:PUT|PATCH)$/.test(method) && ++sent % 3 === 1 ? 'cut' : 'pass');
  await using cutting = await startCuttingProxy(registry.host, decide);
  await using proxy = await startRecordingProxy(cutting.host);
  for (const chunkSize of [undefined, 40_000]) {
    const reference = parseReference(`${proxy.host}/broken/${chunkSize ?? 'whole'}:1`);
    await pushImage(`oci:${layout}:one`, reference, {
      ...options,
      requests: { ...options.requests, retries: 8 },
      chunkSize,
    });
  }
  assert.ok(
    proxy.log.some(({ isWhole }) => !isWhole),
    'requests were broken',
  );
  assert.ok(
    proxy.log.some(({ method, status }) => method === 'GET' && status === 204),
    'the registry was asked',
  );
  assert.equal(proxy.faults(), []);
});

test('what fails in the end, or is aborted, leaves no upload open', async () => {
  await using registry = await startUploadRegistry();
  const bytes = randomBytes(100_000);
  const abort = new AbortController();
  const refusals: readonly [name: string, decide: (passed: Passed) => Fate, signal?: AbortSignal][] = [
    ['busy', ({ method }) => (method === 'PUT' ? 503 : 'pass')],
    ['forbidden', ({ method }) => (method === 'PUT' ? 403 : 'pass')],
    ['large', ({ method }) => (method === 'PUT' ? 413 : 'pass')],
    [
      'aborted',
      ({ method }) => {
        if (method === 'PUT') abort.abort(new TsimgError('INTERRUPTED', 'enough'));
        return 'pass';
      },
      abort.signal,
    ],
  ];
  for (const [name, decide, signal] of refusals) {
    await using cutting = await startCuttingProxy(registry.host, decide);
    await using proxy = await startRecordingProxy(cutting.host);
    const sink = openRegistrySink(parseReference(`${proxy.host}/${name}:1`), { ...options, signal });
    await failureOf(sink.write(describe(MEDIA_TYPE.ociLayer, bytes), bytes, signal));
    await sink.close();
    assert.equal(proxy.faults(), [], name);
    assert.ok(shape(proxy).includes('DELETE'), name);
  }
});

test('a broken pull asks for closed ranges', async () => {
  await using registry = await startUploadRegistry();
  await pushImage(`oci:${layout}:one`, parseReference(`${registry.host}/app:1`), options);
  let gets = 0;
  const isLayer = ({ method, path }: Passed) => method === 'GET' && path.includes('/blobs/');
  const decide = (passed: Passed): Fate => (isLayer(passed) && ++gets % 2 === 1 ? { answer: 'cut-answer' } : 'pass');
  await using cutting = await startCuttingProxy(registry.host, decide);
  await using proxy = await startRecordingProxy(cutting.host);
  const reference = parseReference(`${proxy.host}/app:1`);
  const report = await pullToStore(reference, { ...options, root: store() });
  assert.is(report.digest, one.descriptor.digest);
  assert.ok(proxy.log.some(({ headers }) => headers.range !== undefined));
  assert.equal(proxy.faults(), []);
});

test('the judge itself finds what the spec forbids', async () => {
  await using registry = await startUploadRegistry();
  await using proxy = await startRecordingProxy(registry.host);
  const send = async (method: string, path: string, headers: Readonly<Record<string, string>> = {}, body = '') => {
    const complaints = () => proxy.faults().filter((fault) => !fault.startsWith('left open'));
    const before = complaints().length;
    const location = await new Promise<string>((resolve, reject) => {
      const sent = request(`http://${proxy.host}${path}`, { method, headers, agent: false }, (response) => {
        response.resume().on('end', () => resolve(response.headers.location ?? ''));
      });
      sent.on('error', reject);
      sent.end(body);
    });
    return { place: location.replace('..', '/v2/a/blobs'), found: complaints().slice(before) };
  };
  const digest = `sha256:${'0'.repeat(64)}`;
  const accept = { accept: `${MEDIA_TYPE.ociIndex}, ${MEDIA_TYPE.ociManifest}` };
  const zero = { 'content-length': '0' };
  const bytes = { 'content-type': 'application/octet-stream', 'content-length': '2' };
  const forbidden: readonly (readonly [string, string, Readonly<Record<string, string>>, string?])[] = [
    ['GET', '/v1/a', {}],
    ['GET', '/v2/A/tags/list', {}],
    ['GET', `/v2/${'a'.repeat(256)}/tags/list`, {}],
    ['GET', '/v2/a/tags/list?n=5', {}],
    ['GET', '/v2/a/manifests/1', {}],
    ['GET', '/v2/a/manifests/-1', accept],
    ['GET', '/v2/a/manifests/1', { ...accept, 'content-length': '1' }, 'x'],
    ['POST', '/v2/a/manifests/1', zero],
    ['PUT', '/v2/a/manifests/1', { 'content-type': `${MEDIA_TYPE.ociManifest}; q=1` }, '{}'],
    ['PUT', '/v2/a/manifests/1', { 'content-type': 'text/x' }, `{"mediaType":"${MEDIA_TYPE.ociManifest}"}`],
    ['GET', `/v2/a/blobs/${digest}`, { range: 'bytes=5-' }],
    ['GET', `/v2/a/referrers/${digest}`, { accept: '*/*' }],
    ['POST', '/v2/a/blobs/uploads/?mount=x&from=b', zero],
    ['POST', `/v2/a/blobs/uploads/?mount=${digest}`, zero],
    ['PATCH', '/v2/a/blobs/uploads/17', { ...bytes, 'content-range': '0-1' }, 'xx'],
  ];
  for (const [method, path, headers, body] of forbidden) {
    const { found } = await send(method, path, headers, body);
    assert.ok(
      found.some((fault) => !fault.startsWith('left open')),
      `${method} ${path} ${JSON.stringify(headers)}`,
    );
  }
  const begin = async () => (await send('POST', '/v2/a/blobs/uploads/', zero)).place;
  const chunk = async (range: string, type = 'application/octet-stream') =>
    (await send('PATCH', await begin(), { ...bytes, 'content-type': type, 'content-range': range }, 'xx')).found.join();
  assert.is(await chunk('0-1'), '');
  assert.match(await chunk('bytes 0-1/2'), 'Content-Range');
  assert.match(await chunk('1-2'), 'it begins at 1');
  assert.match(await chunk('0-5'), 'differ');
  assert.match(await chunk('0-1', 'text/x'), 'Content-Type');
  const closed = await send('PUT', `${await begin()}&digest=${digest}`, bytes, 'xx');
  assert.match(closed.found.join(), 'the digest is not that of the bytes');
  assert.match(proxy.faults().join(), 'left open: ');
  await using foreign = await startRecordingProxy(registry.host, { isForeign: true });
  await fetch(`http://${foreign.host}/v2/`, { headers: { authorization: 'Basic eDp5' } });
  assert.equal(foreign.faults(), ['GET /v2/: credentials']);
});

if (haveTools('docker-registry')) {
  test('all that tsimg asks Debian’s registry is allowed, with the list of referrers that clients keep', async () => {
    await using registry = await startDockerRegistry({ deletes: true });
    await using proxy = await startRecordingProxy(registry.host);
    await everything(proxy, false);
    assert.equal(proxy.faults(), []);
    assert.ok(proxy.log.some(({ method, target }) => method === 'PUT' && target.includes('/manifests/sha256-')));
    assert.ok(
      proxy.log.some(({ target, status }) => target.includes('?mount=') && status === 201),
      'blobs are mounted',
    );
  });

  test('the account stays at the registry when blobs are at another origin', async () => {
    await using registry = await startDockerRegistry({ login: true });
    await using foreign = await startRecordingProxy(registry.host, { isForeign: true });
    await using proxy = await startRecordingProxy(registry.host, {
      redirect: (method, target) =>
        method === 'GET' && target.includes('/blobs/sha256:') ? `http://${foreign.host}/elsewhere${target}` : undefined,
    });
    const credentials = { kind: 'basic', ...ACCOUNT } as const;
    await pushImage(`oci:${layout}:one`, parseReference(`${registry.host}/app:1`), { ...options, credentials });
    const reference = parseReference(`${proxy.host}/app:1`);
    // The store behind the redirect has nothing.
    await failureOf(pullToStore(reference, { ...options, credentials, root: store() }));
    assert.ok(foreign.log.length > 0);
    assert.equal([...foreign.faults(), ...proxy.faults()], []);
    assert.ok(proxy.log.some(({ headers }) => headers.authorization !== undefined));
  });
}

test.run();

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseDigest } from '../../src/oci/digest.ts';
import { MEDIA_TYPE } from '../../src/oci/media-type.ts';
import { isTag, referrersTag } from '../../src/oci/reference.ts';
import { openRegistryClient } from '../../src/registry/client.ts';
import { parseWarnings } from '../../src/registry/failure/warning.ts';
import { failureOf } from '../support/failure-of.ts';
import { describe } from '../support/image/image.ts';
import { startDockerRegistry } from '../support/registry/docker-registry.ts';
import { startFakeRegistry } from '../support/registry/fake-registry.ts';
import { haveTools } from '../support/tools.ts';

// The list of referrers that clients keep at a tag, and what a registry says in its headers.

const test = suite('registry/referrers-tag');
const OPTIONS = { env: { HOME: '/nonexistent' }, mirrors: false, requests: { retries: 1, retryDelay: 1 } } as const;

test('the tag of a digest has at most 64 characters of it, so that it is a tag for sha512, too', () => {
  assert.is(referrersTag(parseDigest(`sha256:${'a'.repeat(64)}`)), `sha256-${'a'.repeat(64)}`);
  const long = referrersTag(parseDigest(`sha512:${'b'.repeat(128)}`));
  assert.is(long, `sha512-${'b'.repeat(64)}`);
  assert.ok(isTag(long));
});

test('what is no list at the tag is told, and taken for an empty one', async () => {
  await using registry = await startFakeRegistry();
  const subject = describe(MEDIA_TYPE.ociManifest, Buffer.from('an image')).digest;
  const path = `/v2/a/b/manifests/${referrersTag(subject)}`;
  registry.expect({ path: `/v2/a/b/referrers/${subject}`, status: 404 });
  registry.expect({
    path,
    headers: { 'content-type': MEDIA_TYPE.ociIndex },
    body: '{"schemaVersion":2,"manifests":7}',
  });
  const told: string[] = [];
  const onEvent = (event: { readonly kind: string; readonly message?: string }) => void told.push(event.message ?? '');
  const client = openRegistryClient({ registry: registry.host, repository: 'a/b' }, { ...OPTIONS, onEvent });
  assert.equal(await client.referrers(subject), []);
  client.close();
  assert.ok(
    told.some((message) => message.startsWith('no referrers are known')),
    told.join(),
  );
});

/** A registry that leaves the list to clients; the second request that writes it is slow. */
async function startSlowRegistry() {
  const contents = new Map<string, Buffer>();
  let writes = 0;
  const server = createServer(async (request, response) => {
    const path = request.url ?? '';
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    if (request.method === 'PUT') {
      if (path.includes('sha256-') && ++writes === 2) await setTimeout(60);
      contents.set(path, Buffer.concat(chunks));
      response.writeHead(201).end();
      return;
    }
    const found = contents.get(path);
    if (path === '/v2/') response.writeHead(200).end('{}');
    else if (found === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': MEDIA_TYPE.ociIndex }).end(found);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    contents,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('two clients that add to the list at the same moment both stay in it, also where one is slower', async () => {
  await using registry = await startSlowRegistry();
  const empty = describe(MEDIA_TYPE.ociEmpty, Buffer.from('{}'));
  const subject = describe(MEDIA_TYPE.ociManifest, Buffer.from('an image'));
  const put = async (note: string) => {
    const fields = { schemaVersion: 2, mediaType: MEDIA_TYPE.ociManifest, config: empty, layers: [], subject };
    const bytes = Buffer.from(JSON.stringify({ ...fields, annotations: { note } }));
    const descriptor = describe(MEDIA_TYPE.ociManifest, bytes);
    const client = openRegistryClient({ registry: registry.host, repository: 'a/b' }, OPTIONS);
    await client.put({ descriptor, bytes }, descriptor.digest);
    client.close();
    return descriptor.digest;
  };
  const digests = await Promise.all(['one', 'two'].map(put));
  const list = registry.contents.get(`/v2/a/b/manifests/${referrersTag(subject.digest)}`);
  const { manifests } = JSON.parse(String(list)) as { manifests: { digest: string }[] };
  assert.equal(manifests.map(({ digest }) => digest).toSorted(), digests.toSorted());
});

test('what is no list of referrers is not replaced by one', async () => {
  await using registry = await startFakeRegistry();
  const empty = describe(MEDIA_TYPE.ociEmpty, Buffer.from('{}'));
  const subject = describe(MEDIA_TYPE.ociManifest, Buffer.from('an image'));
  const fields = { schemaVersion: 2, mediaType: MEDIA_TYPE.ociManifest, config: empty, layers: [] };
  const bytes = Buffer.from(JSON.stringify({ ...fields, subject }));
  const descriptor = describe(MEDIA_TYPE.ociManifest, bytes);
  const list = `/v2/a/b/manifests/${referrersTag(subject.digest)}`;
  registry.expect({ method: 'PUT', path: `/v2/a/b/manifests/${descriptor.digest}`, status: 201 });
  registry.expect({ path: list, headers: { 'content-type': MEDIA_TYPE.ociManifest }, body: JSON.stringify(fields) });
  const client = openRegistryClient({ registry: registry.host, repository: 'a/b' }, OPTIONS);
  const error = await failureOf(client.put({ descriptor, bytes }, descriptor.digest), 'REGISTRY_ERROR');
  client.close();
  assert.match(error.what, 'no list of them');
  assert.not(registry.log.includes(`PUT ${list}`));
});

test('what a registry warns of is told once, and shown as text', async () => {
  assert.equal(parseWarnings('299 - "one", 299 - "a \\"quoted\\" word", 110 - "stale", 299 x "no"'), [
    'one',
    'a "quoted" word',
  ]);
  assert.equal(parseWarnings(`299 - "bell\u0007"`), ['bell']);
  assert.equal(parseWarnings(undefined), []);
  await using registry = await startFakeRegistry();
  const headers = { warning: '299 - "this registry ends soon"', 'content-type': 'application/json' };
  registry.expect({ path: '/v2/a/b/tags/list', headers, body: '{"tags":["1"]}' });
  const told: string[] = [];
  const client = openRegistryClient(
    { registry: registry.host, repository: 'a/b' },
    { ...OPTIONS, onEvent: (event) => void (event.kind === 'warning' && told.push(event.message)) },
  );
  await client.tags();
  await client.tags();
  client.close();
  assert.equal(told, [`${registry.host} says: this registry ends soon`]);
});

test('a list that others write again and again may go on to name a deleted referrer: that is a warning', async () => {
  const subject = describe(MEDIA_TYPE.ociManifest, Buffer.from('an image'));
  const config = describe(MEDIA_TYPE.ociEmpty, Buffer.from('{}'));
  const fields = { schemaVersion: 2, mediaType: MEDIA_TYPE.ociManifest, artifactType: 'text/x', config, layers: [] };
  const bytes = Buffer.from(JSON.stringify({ ...fields, subject }));
  const referrer = describe(MEDIA_TYPE.ociManifest, bytes);
  const list = JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests: [referrer] });
  let writes = 0;
  const server = createServer(async (request, response) => {
    for await (const _ of request);
    const path = request.url ?? '';
    const answer = (status: number, type: string, body: string | Buffer) =>
      response.writeHead(status, { 'content-type': type }).end(body);
    if (path === '/v2/') return answer(200, 'application/json', '{}');
    if (path.includes('/referrers/')) return answer(404, 'text/plain', '');
    if (request.method === 'DELETE') return answer(202, 'text/plain', '');
    if (request.method === 'PUT') {
      writes += 1;
      return answer(201, 'text/plain', '');
    }
    // Another client has written the old list again
    if (path.endsWith(referrersTag(subject.digest))) return answer(200, MEDIA_TYPE.ociIndex, list);
    return answer(200, MEDIA_TYPE.ociManifest, bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const told: string[] = [];
  const onEvent = (event: { readonly kind: string; readonly message?: string }) => void told.push(event.message ?? '');
  const client = openRegistryClient({ registry: `127.0.0.1:${port}`, repository: 'a/b' }, { ...OPTIONS, onEvent });
  try {
    assert.is(await client.delete(referrer.digest), true);
    assert.is(writes, 10);
    assert.match(told.join('\n'), /is deleted, but the list .* may still name it: .*other clients replace the list/);
  } finally {
    client.close();
    server.closeAllConnections();
    server.close();
  }
});

if (haveTools('docker-registry')) {
  test('a deleted referrer leaves the list that clients keep, and the others stay', async () => {
    await using registry = await startDockerRegistry({ deletes: true });
    const client = openRegistryClient({ registry: registry.host, repository: 'a/b' }, OPTIONS);
    const empty = Buffer.from('{}');
    const config = describe(MEDIA_TYPE.ociEmpty, empty);
    await client.upload(config, async () => Readable.from([empty], { objectMode: false }));
    const subject = describe(MEDIA_TYPE.ociManifest, Buffer.from('an image'));
    const attached = [];
    for (const artifactType of ['text/x', 'text/y']) {
      const fields = { schemaVersion: 2, mediaType: MEDIA_TYPE.ociManifest, artifactType, config, layers: [], subject };
      const bytes = Buffer.from(JSON.stringify(fields));
      const descriptor = describe(MEDIA_TYPE.ociManifest, bytes);
      await client.put({ descriptor, bytes }, descriptor.digest);
      attached.push(descriptor.digest);
    }
    const listed = async () => (await client.referrers(subject.digest)).map(({ digest }) => digest);
    const [first = subject.digest, second] = attached;
    assert.equal(await listed(), [first, second]);
    assert.is(await client.delete(first), true);
    assert.equal(await listed(), [second]);
    assert.is(await client.delete(first), false);
    client.close();
  });
}

test.run();

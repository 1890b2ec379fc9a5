import { Readable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { digestOf } from '../../src/crypto/digest.ts';
import { MEDIA_TYPE } from '../../src/oci/media-type.ts';
import type { Credentials } from '../../src/registry/auth/auth-file.ts';
import { openRegistryClient } from '../../src/registry/client.ts';
import { failureOf } from '../support/failure-of.ts';
import { describe } from '../support/image/image.ts';
import { startFakeRegistry } from '../support/registry/fake-registry.ts';

// What a token must allow for each request that writes, and who gets it.

const test = suite('registry/write-access');
const USER: Credentials = { kind: 'basic', username: 'me', password: 'sesame' };
const BYTES = Buffer.from('a blob');
const BLOB = describe('application/octet-stream', BYTES);
const open = async () => Readable.from([BYTES], { objectMode: false });

function clientOf(host: string) {
  const options = { env: { HOME: '/nonexistent' }, requests: { retries: 1, retryDelay: 1 }, credentials: USER };
  return openRegistryClient({ registry: host, repository: 'a/b' }, options);
}

/** The scopes that were asked of the token server, in order. */
function scopesIn(log: readonly string[]): readonly string[] {
  return log
    .filter((line) => line.includes('/token?'))
    .flatMap((line) => new URL(line.slice(4), 'http://x').searchParams.getAll('scope'));
}

test('an upload asks for push, a mount also for the other repository, and deleting for delete', async () => {
  await using registry = await startFakeRegistry();
  const bearer = { 'www-authenticate': `Bearer realm="${registry.origin}/token",service="fake"` };
  const uploads = '/v2/a/b/blobs/uploads/';
  const mount = `${uploads}?mount=${encodeURIComponent(BLOB.digest)}&from=c%2Fd`;
  const tokenFor = (query: string, token: string) => ({
    path: `/token?service=fake&${query}&account=me`,
    body: JSON.stringify({ token }),
  });
  registry.expect(
    {
      method: 'POST',
      path: uploads,
      when: { authorization: 'Bearer push' },
      status: 202,
      headers: { location: '/up?a=1' },
    },
    { method: 'POST', path: uploads, status: 401, headers: bearer },
    tokenFor('scope=repository%3Aa%2Fb%3Apull%2Cpush', 'push'),
    {
      method: 'PUT',
      path: `/up?a=1&digest=${encodeURIComponent(BLOB.digest)}`,
      when: { authorization: 'Bearer push' },
      status: 201,
    },
    { method: 'POST', path: mount, when: { authorization: 'Bearer mount' }, status: 201 },
    { method: 'POST', path: mount, status: 401, headers: bearer },
    tokenFor('scope=repository%3Aa%2Fb%3Apull%2Cpush&scope=repository%3Ac%2Fd%3Apull', 'mount'),
    { method: 'DELETE', path: '/v2/a/b/manifests/1', when: { authorization: 'Bearer delete' }, status: 202 },
    { method: 'DELETE', path: '/v2/a/b/manifests/1', status: 401, headers: bearer },
    tokenFor('scope=repository%3Aa%2Fb%3Apull%2Cdelete', 'delete'),
    { method: 'DELETE', path: '/v2/a/b/manifests/2', when: { authorization: 'Bearer delete' }, status: 404 },
    { method: 'DELETE', path: '/v2/a/b/manifests/3', when: { authorization: 'Bearer delete' }, status: 405 },
  );
  const client = clientOf(registry.host);
  assert.is(await client.upload(BLOB, open), 'sent');
  assert.is(await client.upload(BLOB, open, { mountFrom: 'c/d' }), 'mounted');
  assert.is(await client.delete('1'), true);
  assert.is(await client.delete('2'), false);
  assert.match((await failureOf(client.delete('3'), 'REGISTRY_ERROR')).hint ?? '', 'by its digest');
  client.close();
  assert.equal(scopesIn(registry.log), [
    'repository:a/b:pull,push',
    'repository:a/b:pull,push',
    'repository:c/d:pull',
    'repository:a/b:pull,delete',
  ]);
});

test('an upload that is placed at another host goes there without the registry’s credentials', async () => {
  await using registry = await startFakeRegistry();
  await using store = await startFakeRegistry();
  const uploads = '/v2/a/b/blobs/uploads/';
  const place = { location: `${store.origin}/bucket?sig=abc%2B` };
  registry.expect(
    {
      method: 'POST',
      path: uploads,
      when: { authorization: null },
      status: 401,
      headers: { 'www-authenticate': 'Basic realm="r"' },
    },
    { method: 'POST', path: uploads, status: 202, headers: place },
  );
  store.expect({ method: 'PUT', path: `/bucket?sig=abc%2B&digest=${encodeURIComponent(BLOB.digest)}`, status: 201 });
  const client = clientOf(registry.host);
  assert.is(await client.upload(BLOB, open), 'sent');
  client.close();
  assert.match(registry.requests.at(-1)?.headers.authorization ?? '', /^Basic /);
  const [sent] = store.requests;
  assert.is(sent?.headers.authorization, undefined);
  assert.is(sent?.body, BYTES.toString());
});

test('a place that cannot be one is refused', async () => {
  for (const location of [undefined, 'ftp://example.com/up', 'http://[']) {
    await using registry = await startFakeRegistry();
    const headers = location === undefined ? {} : { location };
    registry.expect({ method: 'POST', path: '/v2/a/b/blobs/uploads/', status: 202, headers });
    const client = clientOf(registry.host);
    const error = await failureOf(client.upload(BLOB, open), 'REGISTRY_ERROR');
    client.close();
    assert.match(error.what, 'names no place for an upload');
  }
});

test('a deletion whose answer was lost is one, and of what was never there is none', async () => {
  await using registry = await startFakeRegistry();
  const path = '/v2/a/b/manifests/1';
  registry.expect({ method: 'DELETE', path, hangUp: true, times: 1 }, { method: 'DELETE', path, status: 404 });
  const client = clientOf(registry.host);
  assert.is(await client.delete('1'), true);
  assert.is(await client.delete('1'), false);
  client.close();
});

test('a registry that lists referrers by itself is not asked for the list that clients keep', async () => {
  const empty = describe('application/vnd.oci.empty.v1+json', Buffer.from('{}'));
  const subject = describe('application/vnd.oci.image.manifest.v1+json', Buffer.from('an image'));
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config: empty, layers: [empty], subject }));
  const descriptor = describe(mediaType, bytes);
  const path = `/v2/a/b/manifests/${descriptor.digest}`;
  const list = `/v2/a/b/manifests/${subject.digest.replace(':', '-')}`;
  for (const lists of [true, false]) {
    await using registry = await startFakeRegistry();
    registry.expect({ method: 'PUT', path, status: 201, headers: lists ? { 'oci-subject': subject.digest } : {} });
    registry.expect({ method: 'GET', path: list, status: 404, times: 1 }, { method: 'PUT', path: list, status: 201 });
    const client = clientOf(registry.host);
    const put = client.put({ descriptor, bytes }, descriptor.digest);
    // This registry does not remember the list, so that it is put again until that is too often.
    if (lists) await put;
    else await failureOf(put);
    client.close();
    assert.is(registry.log.includes(`PUT ${list}`), !lists, registry.log.join('\n'));
  }
});

test('a registry that keeps other bytes than were sent is not believed', async () => {
  await using registry = await startFakeRegistry();
  const bytes = Buffer.from('{"schemaVersion":2,"manifests":[]}');
  const descriptor = describe('application/vnd.oci.image.index.v1+json', bytes);
  const headers = { 'docker-content-digest': `sha256:${'0'.repeat(64)}` };
  registry.expect({ method: 'PUT', path: '/v2/a/b/manifests/1', status: 201, headers });
  const client = clientOf(registry.host);
  const error = await failureOf(client.put({ descriptor, bytes }, '1'), 'REGISTRY_ERROR');
  client.close();
  assert.match(error.why ?? '', 'other bytes than were sent');
});

test('a manifest that cannot be read is deleted, and so is one whose list of referrers cannot be changed', async () => {
  const subject = { mediaType: MEDIA_TYPE.ociManifest, digest: digestOf('subject'), size: 7 };
  const config = { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf('{}'), size: 2 };
  const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPE.ociManifest, config, layers: [], subject };
  const body = JSON.stringify(manifest);
  const path = `/v2/a/b/manifests/${digestOf(body)}`;
  const headers = { 'content-type': MEDIA_TYPE.ociManifest };
  const list = `/v2/a/b/manifests/${digestOf('subject').replace(':', '-')}`;
  for (const [answers, warning] of [
    [[{ path, status: 403 }], /subject is not known/],
    [[{ path, headers, body: `${body}${' '.repeat(5 * 1024 * 1024)}` }], /subject is not known/],
    [
      [
        { path, headers, body },
        { path: list, status: 403 },
      ],
      /is deleted, but the list/,
    ],
  ] as const) {
    await using registry = await startFakeRegistry([...answers, { method: 'DELETE', path, status: 202 }]);
    const warnings: string[] = [];
    const client = openRegistryClient(
      { registry: registry.host, repository: 'a/b' },
      {
        env: { HOME: '/nonexistent' },
        requests: { retries: 0, retryDelay: 1 },
        onEvent: (event) => void (event.kind === 'warning' && warnings.push(event.message)),
      },
    );
    assert.is(await client.delete(digestOf(body)), true);
    client.close();
    assert.is(warnings.length, 1, warnings.join('\n'));
    assert.match(warnings[0] ?? '', warning);
    assert.ok(registry.log.includes(`DELETE ${path}`));
  }
});

test.run();

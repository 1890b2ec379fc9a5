import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MEDIA_TYPE } from '../../src/oci/media-type.ts';
import { openRegistryClient } from '../../src/registry/client.ts';
import { hostAmong, openConnections } from '../../src/registry/connections.ts';
import type { Host } from '../../src/registry/host.ts';
import type { RegistryOptions } from '../../src/registry/session.ts';
import { failureOf } from '../support/failure-of.ts';
import { makeCertificate } from '../support/registry/certificate.ts';
import { type Exchange, type FakeRegistry, startFakeRegistry } from '../support/registry/fake-registry.ts';
import { tempDir } from '../support/temp-dir.ts';
import { haveTools } from '../support/tools.ts';

// What several repositories of a registry share, and what they must not share.

const test = suite('registry/connections');
const MANIFEST = JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociManifest, config: {}, layers: [] });
const basic = (name: string) => `Basic ${Buffer.from(`${name}:sesame`).toString('base64')}`;
const account = (username: string) => ({ kind: 'basic', username, password: 'sesame' }) as const;

/** Asks each repository for its manifest `1`, one after the other, by the same connections. */
async function askAll(registry: FakeRegistry, asked: Readonly<Record<string, RegistryOptions>>): Promise<void> {
  using connections = openConnections();
  for (const [repository, options] of Object.entries(asked)) {
    const settings = { env: process.env, requests: { retries: 0, retryDelay: 1 }, ...options, connections };
    const client = openRegistryClient({ registry: registry.host, repository }, settings);
    assert.ok(await client.document('1'), repository);
    client.close();
  }
}

function manifest(repository: string, authorization: string | null): Exchange {
  const headers = { 'content-type': MEDIA_TYPE.ociManifest };
  return { path: `/v2/${repository}/manifests/1`, when: { authorization }, headers, body: MANIFEST };
}

function refusal(repository: string, challenge: string): Exchange {
  return { path: `/v2/${repository}/manifests/1`, status: 401, headers: { 'www-authenticate': challenge } };
}

test('several repositories of a registry are asked over one connection, which is chosen once', async () => {
  await using registry = await startFakeRegistry([manifest('a/b', null), manifest('c/d', null)]);
  await askAll(registry, { 'a/b': {}, 'c/d': {} });
  assert.equal(
    registry.requests.map(({ path }) => path),
    ['/v2/', '/v2/a/b/manifests/1', '/v2/c/d/manifests/1'],
  );
  await registry.deserted();
});

test('after the first challenge, a repository gets its token before it is asked', async () => {
  await using registry = await startFakeRegistry();
  const challenge = (scope: string) => `Bearer realm="${registry.origin}/token",service="fake",scope="${scope}"`;
  for (const repository of ['a/b', 'c/d']) {
    const scope = `repository:${repository}:pull`;
    const path = `/token?service=fake&scope=${encodeURIComponent(scope)}&account=me`;
    registry.expect(
      manifest(repository, `Bearer ${repository}`),
      { path, when: { authorization: basic('me') }, body: JSON.stringify({ token: repository }) },
      refusal(repository, challenge(scope)),
    );
  }
  const credentials = account('me');
  await askAll(registry, { 'a/b': { credentials }, 'c/d': { credentials } });
  const kinds = registry.log.map((line) => (line.includes('/token') ? 'token' : line.slice(4)));
  assert.equal(kinds, ['/v2/a/b/manifests/1', 'token', '/v2/a/b/manifests/1', 'token', '/v2/c/d/manifests/1']);
});

test('a token that is refused beforehand costs no error: the repository is asked without one', async () => {
  await using registry = await startFakeRegistry();
  const scope = 'repository:a/b:pull';
  registry.expect(
    manifest('a/b', 'Bearer abc'),
    { path: `/token?service=fake&scope=${encodeURIComponent(scope)}`, body: JSON.stringify({ token: 'abc' }) },
    refusal('a/b', `Bearer realm="${registry.origin}/token",service="fake"`),
    manifest('open/to-all', null),
    { path: `/token?service=fake&scope=${encodeURIComponent('repository:open/to-all:pull')}`, status: 403 },
  );
  await askAll(registry, { 'a/b': {}, 'open/to-all': {} });
});

test('different credentials never meet, even over the same connections', async () => {
  await using registry = await startFakeRegistry([
    manifest('a/b', basic('me')),
    refusal('a/b', 'Basic realm="fake"'),
    manifest('c/d', basic('you')),
    refusal('c/d', 'Basic realm="fake"'),
    manifest('a/c', basic('me')),
  ]);
  const me = { credentials: account('me') };
  await askAll(registry, { 'a/b': me, 'c/d': { credentials: account('you') }, 'a/c': me });
  const sent = registry.requests.map(({ path, headers }) => [path.slice(4, 7), headers.authorization]);
  assert.equal(sent, [
    // whether it speaks plain HTTP
    ['', undefined],
    ['a/b', undefined],
    ['a/b', basic('me')],
    ['c/d', undefined],
    ['c/d', basic('you')],
    // the same account needs no second challenge
    ['a/c', basic('me')],
  ]);
});

test('each repository has the credentials that the file names for it', async () => {
  await using registry = await startFakeRegistry([
    manifest('team/app', basic('me')),
    refusal('team/app', 'Basic realm="fake"'),
    manifest('other/app', basic('you')),
    refusal('other/app', 'Basic realm="fake"'),
  ]);
  const authFile = join(tempDir(), 'auth.json');
  const entry = (name: string) => ({ auth: Buffer.from(`${name}:sesame`).toString('base64') });
  const auths = { [`${registry.host}/team`]: entry('me'), [registry.host]: entry('you') };
  writeFileSync(authFile, JSON.stringify({ auths }));
  await askAll(registry, { 'team/app': { authFile }, 'other/app': { authFile } });
  const seen = registry.requests.map(({ headers }) => headers.authorization);
  assert.equal(seen, [undefined, undefined, basic('me'), undefined, basic('you')]);
});

test('what gives up TLS is not shared with what demands it', async () => {
  await using registry = await startFakeRegistry([manifest('a/b', null)]);
  using connections = openConnections();
  const clientOf = (tlsVerify: boolean) =>
    openRegistryClient(
      { registry: registry.host, repository: 'a/b' },
      { env: process.env, requests: { retries: 0, retryDelay: 1 }, tlsVerify, connections },
    );
  assert.ok(await clientOf(false).document('1'));
  await failureOf(clientOf(true).document('1'), 'REGISTRY_UNREACHABLE');
});

test('closed connections cannot be used again', async () => {
  const connections = openConnections();
  connections.close();
  const client = openRegistryClient({ registry: 'registry.example', repository: 'a' }, { connections });
  const error = await failureOf(client.document('1'), 'USAGE');
  assert.match(error.message, /the connections are closed/);
});

test('an abort before the first request connects to no registry, and ends no process', async () => {
  if (!haveTools('openssl')) return;
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);
  process.on('unhandledRejection', note);
  try {
    // Its certificate is not trusted, so that the choice between TLS and plain HTTP fails.
    await using registry = await startFakeRegistry([], makeCertificate('IP:127.0.0.1'));
    const settings = { env: { HOME: '/nonexistent' }, requests: { retries: 0, retryDelay: 1 } };
    const client = openRegistryClient({ registry: registry.host, repository: 'a/b' }, settings);
    const error: unknown = await client.document('1', { signal: AbortSignal.abort() }).catch((thrown) => thrown);
    assert.is(error instanceof Error && error.name, 'AbortError');
    await setTimeout(300);
    // An abort while that choice is made leaves it without a caller.
    const stop = new AbortController();
    const running = client.document('1', { signal: stop.signal }).catch((thrown: unknown) => thrown);
    await setImmediate();
    stop.abort();
    await running;
    await setTimeout(300);
    client.close();
    assert.equal(unhandled, []);
  } finally {
    process.off('unhandledRejection', note);
  }
});

test('connections are shared by equal environments, and not by different ones', () => {
  using connections = openConnections();
  const open = () => ({ close() {} }) as Host;
  const one = hostAmong(connections, { HOME: '/a', no_proxy: undefined }, 'key', open);
  assert.is(hostAmong(connections, { HOME: '/a' }, 'key', open), one);
  assert.is.not(hostAmong(connections, { HOME: '/b' }, 'key', open), one);
  assert.is.not(hostAmong(connections, { HOME: '/a' }, 'other', open), one);
});

test.run();

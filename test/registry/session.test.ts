import { Readable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { digestOf } from '../../src/crypto/digest.ts';
import { MEDIA_TYPE } from '../../src/oci/media-type.ts';
import type { Credentials } from '../../src/registry/auth/auth-file.ts';
import { openRegistryClient } from '../../src/registry/client.ts';
import type { RegistryOptions } from '../../src/registry/session.ts';
import { failureOf } from '../support/failure-of.ts';
import { type Exchange, type FakeRegistry, startFakeRegistry } from '../support/registry/fake-registry.ts';

const test = suite('registry/session');

const MANIFEST = JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociManifest, config: {}, layers: [] });
const PATH = '/v2/a/b/manifests/1.0';
const SCOPE = 'repository%3Aa%2Fb%3Apull';
const USER: Credentials = { kind: 'basic', username: 'me', password: 'open:sesame' };
const BASIC = `Basic ${Buffer.from('me:open:sesame').toString('base64')}`;

function manifestFor(authorization: string | null, times?: number): Exchange {
  const headers = { 'content-type': MEDIA_TYPE.ociManifest };
  return { path: PATH, when: { authorization }, headers, body: MANIFEST, ...(times === undefined ? {} : { times }) };
}

function challenge(...headers: readonly string[]): Exchange {
  return { path: PATH, status: 401, headers: { 'www-authenticate': headers } };
}

function bearer(registry: FakeRegistry, more = ''): Exchange {
  return challenge(`Bearer realm="${registry.origin}/token",service="fake"${more}`);
}

const token = (body: unknown, more: Partial<Exchange> = {}): Exchange => ({
  path: `/token?service=fake&scope=${SCOPE}`,
  body: JSON.stringify(body),
  ...more,
});

async function withRegistry(
  options: RegistryOptions,
  use: (registry: FakeRegistry, client: ReturnType<typeof openRegistryClient>) => Promise<void>,
): Promise<void> {
  await using registry = await startFakeRegistry();
  const client = openRegistryClient(
    { registry: registry.host, repository: 'a/b' },
    { env: { HOME: '/nonexistent' }, requests: { retries: 2, retryDelay: 1 }, ...options },
  );
  try {
    await use(registry, client);
  } finally {
    client.close();
  }
}

test('an anonymous token is fetched for the challenge’s service and our scope', async () => {
  await withRegistry({}, async (registry, client) => {
    registry.expect(
      manifestFor('Bearer abc'),
      token({ token: 'abc' }, { when: { authorization: null } }),
      bearer(registry),
    );
    assert.is((await client.document('1.0'))?.descriptor.digest, digestOf(MANIFEST));
    assert.equal(registry.log, [`GET ${PATH}`, `GET /token?service=fake&scope=${SCOPE}`, `GET ${PATH}`]);
  });
});

test('a token may be called access_token (ACR)', async () => {
  await withRegistry({}, async (registry, client) => {
    registry.expect(
      manifestFor('Bearer abc'),
      token({ token: '', access_token: 'abc', expires_in: 300 }),
      bearer(registry),
    );
    assert.ok(await client.document('1.0'));
  });
});

test('a token is reused while it is fresh: a minute without expires_in', async () => {
  await withRegistry({}, async (registry, client) => {
    registry.expect(manifestFor('Bearer abc'), token({ token: 'abc' }), bearer(registry));
    await client.document('1.0');
    await client.document('1.0');
    assert.is(registry.log.filter((line) => line.includes('/token')).length, 1);
  });
});

test('a token that expires on its way is fetched again', async () => {
  await withRegistry({}, async (registry, client) => {
    const short = (value: string) => token({ token: value, expires_in: 3 }, { times: 1 });
    registry.expect(manifestFor('Bearer a'), manifestFor('Bearer b'), short('a'), short('b'), bearer(registry));
    await client.document('1.0');
    await client.document('1.0');
    assert.is(registry.log.filter((line) => line.includes('/token')).length, 2);
  });
});

test('concurrent requests share one token exchange', async () => {
  await withRegistry({}, async (registry, client) => {
    registry.expect(manifestFor('Bearer abc'), token({ token: 'abc' }), bearer(registry));
    await Promise.all([1, 2, 3, 4].map(() => client.document('1.0')));
    assert.is(registry.log.filter((line) => line.includes('/token')).length, 1);
  });
});

test('credentials go to the token server as Basic, with the account', async () => {
  await withRegistry({ credentials: USER }, async (registry, client) => {
    const path = `/token?service=fake&scope=${SCOPE}&account=me`;
    registry.expect(
      manifestFor('Bearer abc'),
      token({ token: 'abc' }, { path, when: { authorization: BASIC } }),
      bearer(registry),
    );
    assert.ok(await client.document('1.0'));
  });
});

test('an identity token is exchanged by POST and is never in a URL', async () => {
  await withRegistry({ credentials: { kind: 'identity-token', token: 'refresh me' } }, async (registry, client) => {
    const answer = token({ access_token: 'abc' }, { method: 'POST', path: '/token' });
    registry.expect(manifestFor('Bearer abc'), answer, bearer(registry));
    assert.ok(await client.document('1.0'));
    const post = registry.requests.find(({ method }) => method === 'POST');
    assert.equal(Object.fromEntries(new URLSearchParams(post?.body)), {
      grant_type: 'refresh_token',
      client_id: 'tsimg',
      service: 'fake',
      scope: 'repository:a/b:pull',
      refresh_token: 'refresh me',
    });
  });
});

test('a registry token is sent as it is', async () => {
  await withRegistry({ credentials: { kind: 'registry-token', token: 'abc' } }, async (registry, client) => {
    registry.expect(manifestFor('Bearer abc'), bearer(registry));
    assert.ok(await client.document('1.0'));
  });
});

test('Basic is answered with Basic, and later requests begin with it', async () => {
  await withRegistry({ credentials: USER }, async (registry, client) => {
    registry.expect(manifestFor(BASIC), challenge('Basic realm="r"'));
    await client.document('1.0');
    await client.document('1.0');
    assert.is(registry.log.length, 3);
  });
});

test('of several challenges, Bearer is answered first, and Basic when that is refused', async () => {
  await withRegistry({ credentials: USER }, async (registry, client) => {
    const both = challenge('Basic realm="r"', `Bearer realm="${registry.origin}/token",service="fake"`);
    const refusal = token({}, { path: `/token?service=fake&scope=${SCOPE}&account=me`, status: 401 });
    registry.expect(manifestFor(BASIC), refusal, both);
    assert.ok(await client.document('1.0'));
  });
});

test('a token that expires during a pull is renewed once', async () => {
  await withRegistry({}, async (registry, client) => {
    registry.expect(
      manifestFor('Bearer old', 1),
      manifestFor('Bearer new'),
      token({ token: 'old', expires_in: 3600 }, { times: 1 }),
      token({ token: 'new', expires_in: 3600 }, { times: 1 }),
      bearer(registry),
    );
    await client.document('1.0');
    assert.ok(await client.document('1.0'));
    assert.is(registry.log.filter((line) => line.includes('/token')).length, 2);
  });
});

test('a registry that refuses every token is not asked in a loop', async () => {
  await withRegistry({}, async (registry, client) => {
    registry.expect(token({ token: 'abc' }), bearer(registry));
    const error = await failureOf(client.document('1.0'), 'AUTHENTICATION_REQUIRED');
    assert.is(registry.log.length, 3);
    assert.is(error.why, 'HTTP 401');
    assert.is(error.exitStatus, 4);
  });
});

test('wrong credentials are named in the error', async () => {
  await withRegistry({ credentials: USER }, async (registry, client) => {
    registry.expect(challenge('Basic realm="r"'));
    const error = await failureOf(client.document('1.0'), 'AUTHENTICATION_DENIED');
    assert.is(registry.log.length, 2);
    assert.not.match(JSON.stringify(error), 'sesame');
  });
  await withRegistry({ credentials: USER }, async (registry, client) => {
    registry.expect({ path: PATH, status: 403 });
    await failureOf(client.document('1.0'), 'AUTHENTICATION_DENIED');
  });
});

test('redirects of a token server are not followed: the target was not checked', async () => {
  await using elsewhere = await startFakeRegistry([{ path: '/token', body: '{"token":"abc"}' }]);
  await withRegistry({ credentials: USER }, async (registry, client) => {
    const path = `/token?service=fake&scope=${SCOPE}&account=me`;
    const headers = { location: `${elsewhere.origin}/token` };
    registry.expect({ path, status: 302, headers }, bearer(registry));
    await failureOf(client.document('1.0'), 'REGISTRY_ERROR');
    assert.equal(elsewhere.requests, []);
  });
});

test('the target of a blob’s redirect gets no secret, whatever it asks for', async () => {
  const digest = digestOf('blob');
  await using elsewhere = await startFakeRegistry();
  const give = `Basic realm="me", Bearer realm="${elsewhere.origin}/token"`;
  elsewhere.expect({ path: '/signed', status: 401, headers: { 'www-authenticate': give } });
  await withRegistry({ credentials: USER }, async (registry, client) => {
    const path = `/v2/a/b/blobs/${digest}`;
    registry.expect(
      { path, when: { authorization: BASIC }, status: 307, headers: { location: `${elsewhere.origin}/signed` } },
      { path, status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } },
    );
    await failureOf(client.blob({ mediaType: '', digest, size: 4 }), 'REGISTRY_ERROR');
    assert.equal(elsewhere.log, ['GET /signed']);
    assert.is(elsewhere.requests[0]?.headers.authorization, undefined);
  });
});

test('the same holds when the registry itself asked for nothing', async () => {
  const digest = digestOf('blob');
  await using elsewhere = await startFakeRegistry();
  const give = { 'www-authenticate': `Bearer realm="${elsewhere.origin}/token"` };
  elsewhere.expect({ path: '/signed', status: 401, headers: give });
  await withRegistry({ credentials: USER }, async (registry, client) => {
    registry.expect({
      path: `/v2/a/b/blobs/${digest}`,
      status: 307,
      headers: { location: `${elsewhere.origin}/signed` },
    });
    await failureOf(client.blob({ mediaType: '', digest, size: 4 }), 'REGISTRY_ERROR');
    assert.equal(elsewhere.log, ['GET /signed']);
  });
});

test('a token that could break a header is refused', async () => {
  await withRegistry({}, async (registry, client) => {
    registry.expect(token({ token: 'abc\r\nx-evil: 1' }), bearer(registry));
    await failureOf(client.document('1.0'), 'DOCUMENT_INVALID');
  });
});

test('a token server’s answer over 1 MiB is not read', async () => {
  await withRegistry({}, async (registry, client) => {
    registry.expect(token({ token: 'abc', more: 'x'.repeat(1 << 20) }), bearer(registry));
    await failureOf(client.document('1.0'), 'LIMIT_EXCEEDED');
  });
});

test('a foreign layer is fetched from its URL only when allowed, and anonymously (CVE-2020-15157)', async () => {
  const digest = digestOf('foreign');
  const asking = { path: '/layer', status: 401, headers: { 'www-authenticate': 'Basic realm="give me"' } };
  for (const allowForeignUrls of [undefined, true]) {
    await using elsewhere = await startFakeRegistry([asking]);
    await using registry = await startFakeRegistry();
    const options = { env: {}, credentials: USER, allowForeignUrls };
    const client = openRegistryClient({ registry: registry.host, repository: 'a/b' }, options);
    const descriptor = { mediaType: '', digest, size: 7, urls: [`${elsewhere.origin}/layer`, 'file:///etc/passwd'] };
    await failureOf(client.blob(descriptor), 'BLOB_NOT_FOUND');
    const seen = elsewhere.requests.map(({ headers }) => headers.authorization);
    assert.equal(seen, allowForeignUrls ? [undefined] : []);
    client.close();
  }
});

test('no error shows a secret, nor do its properties', async () => {
  const { inspect } = await import('node:util');
  const options = {
    credentials: { kind: 'registry-token', token: 'hushhush' },
    requests: { retries: 0, retryDelay: 1 },
  } as const;
  await withRegistry(options, async (registry, client) => {
    registry.expect({ path: PATH, when: { authorization: 'Bearer hushhush' }, hangUp: true }, bearer(registry));
    const error = await failureOf(client.document('1.0'), 'REGISTRY_UNREACHABLE');
    assert.not.match(inspect(error, { depth: 20, showHidden: true }), 'hushhush');
  });
});

test('a registry that redirects all to another one with a token server is used without credentials', async () => {
  await using other = await startFakeRegistry();
  other.expect(
    manifestFor('Bearer theirs'),
    token({ token: 'theirs' }, { when: { authorization: null } }),
    bearer(other),
  );
  await withRegistry({ credentials: USER }, async (front, client) => {
    front.expect({ path: PATH, status: 307, headers: { location: `${other.origin}${PATH}` } });
    for (let round = 0; round < 2; round++) {
      assert.is((await client.document('1.0'))?.descriptor.digest, digestOf(MANIFEST));
    }
    const tokens = other.log.filter((line) => line.startsWith('GET /token'));
    assert.is(tokens.length, 1, 'its token is used again');
    const sent = [...other.requests, ...front.requests].map(({ headers }) => headers.authorization ?? '');
    assert.not.ok(sent.some((header) => header.startsWith('Basic')));
    assert.not.ok(front.requests.some(({ headers }) => headers.authorization === 'Bearer theirs'));
  });
});

test('the error for a private image at the other registry names that registry', async () => {
  await using other = await startFakeRegistry();
  other.expect(token({ token: 'theirs' }), bearer(other));
  await withRegistry({ credentials: USER }, async (front, client) => {
    front.expect({ path: PATH, status: 307, headers: { location: `${other.origin}${PATH}` } });
    const error = await failureOf(client.document('1.0'), 'AUTHENTICATION_DENIED');
    assert.match(error.hint ?? '', other.host);
  });
});

test('credentials are dropped where a redirect leads to a store on the same host', async () => {
  await withRegistry({ credentials: USER }, async (registry, client) => {
    registry.expect(
      { path: PATH, when: { authorization: BASIC }, status: 307, headers: { location: '/storage/x' } },
      challenge('Basic realm="x"'),
      { path: '/storage/x', when: { authorization: null }, body: MANIFEST },
    );
    assert.ok(await client.document('1.0'));
  });
});

test('a manifest may be as large as the caller allows', async () => {
  for (const [maxDocument, code] of [
    [MANIFEST.length, undefined],
    [MANIFEST.length - 1, 'LIMIT_EXCEEDED'],
  ] as const) {
    await withRegistry({ requests: { maxDocument } }, async (registry, client) => {
      registry.expect(manifestFor(null));
      if (code === undefined) assert.ok(await client.document('1.0'));
      else await failureOf(client.document('1.0'), code);
    });
  }
});

/** The name of the error of what is aborted once the registry has got so many requests. */
async function nameAfterAbort(
  registry: FakeRegistry,
  count: number,
  start: (signal: AbortSignal) => Promise<unknown>,
): Promise<unknown> {
  const stop = new AbortController();
  const running = start(stop.signal).catch((error: unknown) => error);
  while (registry.log.length < count) await new Promise((resolve) => setTimeout(resolve, 2));
  stop.abort();
  const error = await Promise.race([running, new Promise((resolve) => setTimeout(resolve, 10_000, 'no end'))]);
  return error instanceof Error ? error.name : error;
}

test('an abort ends a request while a token server is silent', async () => {
  await withRegistry({}, async (registry, client) => {
    registry.expect(manifestFor('Bearer abc'), token({}, { stallAfter: 1 }), bearer(registry));
    const start = (signal: AbortSignal) => client.document('1.0', { signal });
    assert.is(await nameAfterAbort(registry, 2, start), 'AbortError');
  });
});

test('an abort ends the wait between two attempts', async () => {
  const options = { requests: { retries: 2, retryDelay: 15_000 } };
  await withRegistry(options, async (registry, client) => {
    const digest = digestOf(MANIFEST);
    for (const path of [PATH, '/v2/a/b/tags/list', `/v2/a/b/referrers/${digest}`]) {
      registry.expect({ path, status: 503 });
    }
    const starts: readonly ((signal: AbortSignal) => Promise<unknown>)[] = [
      (signal) => client.document('1.0', { signal }),
      (signal) => client.tags(signal),
      (signal) => client.referrers(digest, signal),
    ];
    for (const [index, start] of starts.entries()) {
      assert.is(await nameAfterAbort(registry, index + 1, start), 'AbortError', `start ${index}`);
    }
  });
});

test('an abort while the content of a push is opened sends nothing, and closes the content', async () => {
  await withRegistry({}, async (registry, client) => {
    const digest = digestOf('blob');
    const place = `${registry.origin}/v2/a/b/blobs/uploads/1`;
    registry.expect({ method: 'POST', path: '/v2/a/b/blobs/uploads/', status: 202, headers: { location: place } });
    const stop = new AbortController();
    let opened: Readable | undefined;
    const open = async () => {
      opened = Readable.from([Buffer.from('blob')]);
      stop.abort();
      return opened;
    };
    const pushed = client.upload({ mediaType: 'x', digest, size: 4 }, open, { signal: stop.signal });
    const error: unknown = await pushed.catch((thrown: unknown) => thrown);
    assert.is(error instanceof Error && error.name, 'AbortError');
    assert.ok(opened?.destroyed);
    assert.not.ok(
      registry.log.some((line) => line.startsWith('PUT')),
      registry.log.join('\n'),
    );
  });
});

test.run();

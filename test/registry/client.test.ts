import { getEventListeners } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { digestOf } from '../../src/crypto/digest.ts';
import { TsimgError } from '../../src/errors.ts';
import type { TsimgEvent } from '../../src/events.ts';
import { MEDIA_TYPE } from '../../src/oci/media-type.ts';
import { openRegistryClient } from '../../src/registry/client.ts';
import { failureOf } from '../support/failure-of.ts';
import { type Exchange, type FakeRegistry, startFakeRegistry } from '../support/registry/fake-registry.ts';

const test = suite('registry/client');

const MANIFEST = JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociManifest, config: {}, layers: [] });
const DIGEST = digestOf(MANIFEST);
const TYPE = { 'content-type': MEDIA_TYPE.ociManifest };
const OPTIONS = { env: { HOME: '/nonexistent' }, requests: { retries: 2, retryDelay: 1 } };

async function withClient(
  exchanges: readonly Exchange[],
  use: (client: ReturnType<typeof openRegistryClient>, registry: FakeRegistry, events: TsimgEvent[]) => Promise<void>,
): Promise<void> {
  await using registry = await startFakeRegistry(exchanges);
  const events: TsimgEvent[] = [];
  const onEvent = (event: TsimgEvent) => events.push(event);
  const client = openRegistryClient({ registry: registry.host, repository: 'a/b' }, { ...OPTIONS, onEvent });
  try {
    await use(client, registry, events);
  } finally {
    client.close();
  }
}

test('a document by tag has the digest of its bytes, whatever the header says', async () => {
  const headers = { ...TYPE, 'docker-content-digest': digestOf('another') };
  await withClient([{ path: '/v2/a/b/manifests/1.0', headers, body: MANIFEST }], async (client) => {
    const document = await client.document('1.0');
    assert.equal(document?.descriptor, { mediaType: MEDIA_TYPE.ociManifest, digest: DIGEST, size: MANIFEST.length });
    assert.is(document?.bytes.toString(), MANIFEST);
  });
});

test('a document by digest must have that digest', async () => {
  await withClient([{ path: `/v2/a/b/manifests/${DIGEST}`, headers: TYPE, body: `${MANIFEST} ` }], async (client) => {
    await failureOf(client.document(DIGEST), 'DIGEST_MISMATCH');
  });
});

test('a request accepts every type of manifest and index, uncompressed, and names tsimg', async () => {
  await withClient([{ path: '/v2/a/b/manifests/1.0', headers: TYPE, body: MANIFEST }], async (client, registry) => {
    await client.document('1.0');
    const headers = registry.requests.at(-1)?.headers;
    for (const kind of ['ociIndex', 'dockerIndex', 'ociManifest', 'dockerManifest'] as const) {
      assert.ok(headers?.accept?.includes(MEDIA_TYPE[kind]), kind);
    }
    assert.is(headers?.['accept-encoding'], 'identity');
    assert.match(headers?.['user-agent'] ?? '', /^tsimg\/\d+\.\d+\.\d+/);
    assert.is(headers?.authorization, undefined);
  });
});

test('a Content-Type that names no document gives way to the document’s own', async () => {
  const headers = { 'content-type': 'text/plain; charset=utf-8' };
  await withClient([{ path: '/v2/a/b/manifests/1.0', headers, body: MANIFEST }], async (client) => {
    assert.is((await client.document('1.0'))?.descriptor.mediaType, MEDIA_TYPE.ociManifest);
  });
});

test('a missing document is undefined, and other refusals are errors with the registry’s message', async () => {
  const body = JSON.stringify({ errors: [{ code: 'UNSUPPORTED', message: 'not\u001b[31m today' }] });
  await withClient([{ path: '/v2/a/b/manifests/bad', status: 400, body }], async (client) => {
    assert.is(await client.document('none'), undefined);
    const error = await failureOf(client.document('bad'), 'REGISTRY_ERROR');
    assert.is(error.why, 'HTTP 400, UNSUPPORTED: not [31m today');
    assert.is(error.facts.status, 400);
  });
});

test('a document over 4 MiB is not read', async () => {
  const body = Buffer.alloc(4 * 1024 * 1024 + 1, ' ');
  await withClient([{ path: '/v2/a/b/manifests/big', headers: TYPE, body }], async (client) => {
    await failureOf(client.document('big'), 'LIMIT_EXCEEDED');
  });
});

test('a body marked as gzip is kept as sent: the digest is over those bytes', async () => {
  const headers = { ...TYPE, 'content-encoding': 'gzip' };
  await withClient([{ path: `/v2/a/b/manifests/${DIGEST}`, headers, body: MANIFEST }], async (client) => {
    assert.is((await client.document(DIGEST))?.bytes.toString(), MANIFEST);
  });
});

test('a transient failure is retried, with an event', async () => {
  const path = '/v2/a/b/manifests/1.0';
  const exchanges: readonly Exchange[] = [
    { path, status: 503, times: 1 },
    { path, headers: TYPE, body: MANIFEST, cutAfter: 10, times: 1 },
    { path, headers: TYPE, body: MANIFEST },
  ];
  await withClient(exchanges, async (client, _registry, events) => {
    assert.is((await client.document('1.0'))?.descriptor.digest, DIGEST);
    assert.equal(
      events.map((event) => event.kind === 'retry' && [event.what, event.why, event.attempt]),
      [
        ['manifest of a/b:1.0', 'HTTP 503', 1],
        ['manifest of a/b:1.0', 'the connection broke off', 2],
      ],
    );
  });
});

test('a busy registry gets the wait that it asks for, and too long a wait is an error', async () => {
  const path = '/v2/a/b/manifests/1.0';
  const exchanges: readonly Exchange[] = [
    { path, status: 429, headers: { 'retry-after': '0' }, times: 1 },
    { path, status: 429, headers: { 'retry-after': '21600' } },
  ];
  await withClient(exchanges, async (client, registry) => {
    const error = await failureOf(client.document('1.0'), 'REGISTRY_ERROR');
    assert.is(error.hint, 'too many requests: try again after 21600 s, or log in for a higher limit');
    assert.is(registry.log.length, 2);
  });
});

test('HEAD gives type, digest and size; an incomplete or failed answer gives nothing', async () => {
  const headers = { ...TYPE, 'docker-content-digest': DIGEST, 'content-length': '105' };
  const exchanges: readonly Exchange[] = [
    { method: 'HEAD', path: '/v2/a/b/manifests/1.0', headers },
    { method: 'HEAD', path: '/v2/a/b/manifests/old', headers: { ...TYPE, 'content-length': '105' } },
    { method: 'HEAD', path: '/v2/a/b/manifests/odd', headers: { ...headers, 'docker-content-digest': 'sha256:../x' } },
    { method: 'HEAD', path: '/v2/a/b/manifests/huge', headers: { ...headers, 'content-length': '99999999' } },
    { method: 'HEAD', path: '/v2/a/b/manifests/405', status: 405 },
  ];
  await withClient(exchanges, async (client) => {
    assert.equal(await client.head('1.0'), { mediaType: MEDIA_TYPE.ociManifest, digest: DIGEST, size: 105 });
    for (const tag of ['old', 'odd', 'huge', '405', 'none']) assert.is(await client.head(tag), undefined, tag);
  });
});

test('tags come in pages', async () => {
  const exchanges: readonly Exchange[] = [
    {
      path: '/v2/a/b/tags/list',
      headers: { link: '</v2/a/b/tags/list?last=2>; rel="next"' },
      body: '{"name":"a/b","tags":["1","2"]}',
    },
    { path: '/v2/a/b/tags/list?last=2', body: '{"name":"a/b","tags":["2","3"]}' },
  ];
  await withClient(exchanges, async (client) => {
    assert.equal(await client.tags(), ['1', '2', '3']);
  });
});

test('tags may be null, and a missing repository has none', async () => {
  await withClient([{ path: '/v2/a/b/tags/list', body: '{"tags":null}' }], async (client) => {
    assert.equal(await client.tags(), []);
  });
  await withClient([], async (client) => {
    assert.is(await client.tags(), undefined);
  });
});

test('pages that lead back are an error, not a loop', async () => {
  const page = (path: string, next: string): Exchange => ({
    path: `/v2/a/b/tags/list${path}`,
    headers: { link: `<${next}>; rel="next"` },
    body: '{"tags":["x"]}',
  });
  await withClient([page('', '?p=1'), page('?p=1', '/v2/a/b/tags/list')], async (client, registry) => {
    const error = await failureOf(client.tags(), 'REGISTRY_ERROR');
    assert.is(error.why, 'its pages form a cycle');
    assert.is(registry.log.length, 2);
  });
});

test('a next page at another host is not fetched, and a warning says that the list goes on', async () => {
  const headers = { link: '<http://elsewhere.invalid/v2/>; rel="next"' };
  await withClient([{ path: '/v2/a/b/tags/list', headers, body: '{"tags":["x"]}' }], async (client, _, events) => {
    assert.equal(await client.tags(), ['x']);
    const warnings = events.flatMap((event) => (event.kind === 'warning' ? [event.message] : []));
    assert.is(warnings.length, 1);
    assert.match(warnings[0] ?? '', /^list of tags of a\/b is not complete: .*at another host \(elsewhere\.invalid\)/);
  });
});

test('a next page is fetched from the registry, whatever port a registry behind a proxy names', async () => {
  await using elsewhere = await startFakeRegistry();
  const headers = { link: `<${elsewhere.origin}/v2/a/b/tags/list?last=x>; rel="next"` };
  const exchanges: readonly Exchange[] = [
    { path: '/v2/a/b/tags/list', headers, body: '{"tags":["x"]}' },
    { path: '/v2/a/b/tags/list?last=x', body: '{"tags":["y"]}' },
  ];
  await withClient(exchanges, async (client) => {
    assert.equal(await client.tags(), ['x', 'y']);
    assert.equal(elsewhere.requests, []);
  });
});

test('a manifest that is no JSON is told as such, by tag and by digest', async () => {
  for (const [body, headers] of [
    ['', {}],
    ['not found', { 'content-type': 'text/plain' }],
    ['\u001b[31m', { 'content-type': 'application/octet-stream' }],
  ] as const) {
    const digest = digestOf(body);
    const exchanges = ['1.0', digest].map((version) => ({ path: `/v2/a/b/manifests/${version}`, headers, body }));
    await withClient(exchanges, async (client) => {
      for (const version of ['1.0', digest]) {
        const error = await failureOf(client.document(version), 'DOCUMENT_INVALID');
        assert.match(error.what, /^manifest of a\/b.* is (?:empty|not JSON)$/);
      }
    });
  }
});

const REFERRER = { mediaType: MEDIA_TYPE.ociManifest, digest: digestOf('referrer'), size: 8, artifactType: 'text/x' };
const REFERRERS = JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests: [REFERRER] });
const INDEX_TYPE = { 'content-type': MEDIA_TYPE.ociIndex };

test('referrers are requested by the API', async () => {
  const path = `/v2/a/b/referrers/${DIGEST}`;
  await withClient([{ path, headers: INDEX_TYPE, body: REFERRERS }], async (client, registry) => {
    assert.equal(
      (await client.referrers(DIGEST)).map(({ digest }) => digest),
      [REFERRER.digest],
    );
    assert.equal(registry.log, [`GET ${path}`]);
  });
});

test('without the API, referrers come from a tag, or there are none', async () => {
  const path = `/v2/a/b/manifests/${DIGEST.replace(':', '-')}`;
  const odd = { path: `/v2/a/b/referrers/${DIGEST}`, headers: { 'content-type': 'text/html' }, body: '<html>' };
  for (const api of [[], [odd]]) {
    await withClient([...api, { path, headers: INDEX_TYPE, body: REFERRERS }], async (client) => {
      assert.is((await client.referrers(DIGEST))[0]?.artifactType, 'text/x');
    });
  }
  await withClient([], async (client) => {
    assert.equal(await client.referrers(DIGEST), []);
  });
});

test('a failing referrers API is an error, not an absence of signatures', async () => {
  await withClient([{ path: `/v2/a/b/referrers/${DIGEST}`, status: 500 }], async (client) => {
    await failureOf(client.referrers(DIGEST), 'REGISTRY_ERROR');
  });
});

test('an abort ends a request that is not answered', async () => {
  const abort = new AbortController();
  await using registry = await startFakeRegistry([
    { path: '/v2/a/manifests/1', headers: TYPE, body: MANIFEST, stallAfter: 5 },
  ]);
  const client = openRegistryClient({ registry: registry.host, repository: 'a' }, { ...OPTIONS, signal: abort.signal });
  const running = client.document('1').catch((error: unknown) => error);
  while (registry.log.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  abort.abort();
  const error = await running;
  assert.is(error instanceof Error && error.name, 'AbortError');
  client.close();
});

test('a silent connection times out with an error', async () => {
  const timeouts = { connect: 1000, response: 1000, idle: 30 };
  const path = '/v2/a/manifests/1';
  await using registry = await startFakeRegistry([{ path, headers: TYPE, body: MANIFEST, stallAfter: 5 }]);
  const client = openRegistryClient(
    { registry: registry.host, repository: 'a' },
    { ...OPTIONS, requests: { ...OPTIONS.requests, timeouts } },
  );
  const error = await failureOf(client.document('1'), 'REGISTRY_UNREACHABLE');
  assert.is(error.why, 'it does not answer in time');
  assert.is(error.facts.errno, 'ETIMEDOUT');
  client.close();
});

test('a refused connection is an error without retries', async () => {
  const registry = await startFakeRegistry();
  await registry[Symbol.asyncDispose]();
  const client = openRegistryClient({ registry: registry.host, repository: 'a' }, OPTIONS);
  const error = await failureOf(client.document('1'), 'REGISTRY_UNREACHABLE');
  assert.is(error.why, 'connection refused');
  client.close();
});

const PAGE = '<!DOCTYPE html><html><head><title>Log in\u001b[31m</title></head></html>';

for (const [status, body, shown] of [
  [
    403,
    '{"errors":[{"code":"DENIED","message":"client 192.0.2.1 is not allowed"}]}',
    'DENIED: client 192.0.2.1 is not allowed',
  ],
  [402, '{"message":"pay first"}', 'pay first'],
  [405, '{"errors":[{"code":"X","message":"no","detail":"because"}]}', 'X: no (because)'],
  [400, '<?xml version="1.0"?><Error><Code>A</Code><Message>one at a time</Message></Error>', 'one at a time'],
  [403, PAGE, 'an HTML page, “Log in [31m”'],
  [403, '{"errors":[{"code":5}]}', '5'],
  [403, `{"message":"${'x'.repeat(5000)}"}`, `${'x'.repeat(300)}…`],
] as const) {
  test(`the registry’s message for HTTP ${status} is shown: ${shown.slice(0, 40)}`, async () => {
    const path = '/v2/a/b/manifests/1.0';
    const exchanges = [
      { method: 'HEAD', path, status },
      { path, status, body },
    ];
    await withClient(exchanges, async (client) => {
      assert.is(await client.head('1.0'), undefined, 'a HEAD has no words: GET is to tell');
      const error: unknown = await client.document('1.0').catch((thrown: unknown) => thrown);
      assert.is(error instanceof TsimgError ? error.why : error, `HTTP ${status}, ${shown}`);
    });
  });
}

test('the registry’s message for a 404 is passed to onMissing', async () => {
  const path = '/v2/a/b/manifests/1.0';
  const body = '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"gone since May"}]}';
  await withClient([{ path, status: 404, body }], async (client) => {
    const words: unknown[] = [];
    const onMissing = ({ facts }: TsimgError) => words.push(facts.said);
    assert.is(await client.document('1.0', { onMissing }), undefined);
    assert.equal(words, ['MANIFEST_UNKNOWN: gone since May']);
  });
});

test('an HTML page in the place of a manifest, a list or a blob is named in the error', async () => {
  const headers = { 'content-type': 'text/html; charset=utf-8' };
  const digest = digestOf('blob');
  const exchanges = ['manifests/1.0', `blobs/${digest}`, 'tags/list'].map((each) => ({
    path: `/v2/a/b/${each}`,
    headers,
    body: PAGE,
  }));
  await withClient(exchanges, async (client) => {
    const blob = { mediaType: 'x', digest, size: 4 };
    for (const asked of [() => client.document('1.0'), () => client.blob(blob), () => client.tags()]) {
      const error = await failureOf(asked(), 'REGISTRY_ERROR');
      assert.is(error.why, 'the answer is an HTML page, “Log in [31m”');
    }
  });
});

test('a blob that is a page of the right size is a blob', async () => {
  const digest = digestOf(PAGE);
  const exchange = { path: `/v2/a/b/blobs/${digest}`, headers: { 'content-type': 'text/html' }, body: PAGE };
  await withClient([exchange], async (client) => {
    const blob = await client.blob({ mediaType: 'x', digest, size: Buffer.byteLength(PAGE) });
    assert.is((await blob.toArray()).join(''), PAGE);
  });
});

test('a manifest that a front end compressed unasked is read', async () => {
  const headers = { ...TYPE, 'content-encoding': 'gzip' };
  await withClient([{ path: '/v2/a/b/manifests/1.0', headers, body: gzipSync(MANIFEST) }], async (client) => {
    assert.is((await client.document('1.0'))?.descriptor.digest, DIGEST);
  });
});

test('requests leave no listener on the caller’s signal', async () => {
  const path = '/v2/a/b/manifests/1.0';
  const digest = digestOf('blob');
  const blob = { path: `/v2/a/b/blobs/${digest}`, body: 'blob' };
  const exchanges = [{ path, headers: TYPE, body: MANIFEST }, { path: '/v2/a/b/manifests/no', status: 404 }, blob];
  await withClient(exchanges, async (client) => {
    const stop = new AbortController();
    const { signal } = stop;
    for (let round = 0; round < 20; round++) {
      await client.head('1.0', signal);
      await client.document('1.0', { signal });
      await client.document('no', { signal });
      await (await client.blob({ mediaType: 'x', digest, size: 4 }, signal)).toArray();
    }
    await setImmediate();
    assert.is(getEventListeners(signal, 'abort').length, 0);
  });
});

test.run();

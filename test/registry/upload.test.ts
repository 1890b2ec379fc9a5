import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openRegistryClient } from '../../src/registry/client.ts';
import { readSections } from '../../src/registry/write/sections.ts';
import type { UploadOptions } from '../../src/registry/write/upload.ts';
import { collect } from '../../src/streams/collect.ts';
import { verified } from '../../src/streams/verified.ts';
import { failureOf } from '../support/failure-of.ts';
import { describe } from '../support/image/image.ts';
import { type Fate, type Passed, startCuttingProxy } from '../support/registry/cutting-proxy.ts';
import { startDockerRegistry } from '../support/registry/docker-registry.ts';
import { startUploadRegistry } from '../support/registry/upload-registry.ts';
import { haveTools } from '../support/tools.ts';

// Uploads into a real registry, through a proxy that breaks connections.

const test = suite('registry/upload');
const ENV = { HOME: '/nonexistent' };
const REQUESTS = { retries: 3, retryDelay: 1 };
const BLOB = 'application/octet-stream';

/** Content that counts how often it was opened. */
function contentOf(bytes: Buffer) {
  const content = { opened: 0, descriptor: describe(BLOB, bytes), open: async () => Readable.from([]) };
  content.open = async () => {
    content.opened += 1;
    const count = Math.ceil(bytes.length / 10_000);
    const chunks = Array.from({ length: count }, (_, i) => bytes.subarray(i * 10_000, (i + 1) * 10_000));
    return Readable.from(chunks, { objectMode: false });
  };
  return content;
}

interface Uploaded {
  readonly log: readonly Passed[];
  readonly result: string;
}

function clientOf(host: string, repository: string) {
  return openRegistryClient({ registry: host, repository }, { env: ENV, requests: REQUESTS });
}

/** Uploads through a proxy, and returns what went through it. */
async function uploadThrough(
  host: string,
  repository: string,
  content: ReturnType<typeof contentOf>,
  { decide, ...options }: UploadOptions & { readonly decide: (passed: Passed) => Fate },
): Promise<Uploaded> {
  await using proxy = await startCuttingProxy(host, decide);
  const client = clientOf(proxy.host, repository);
  try {
    const result = await client.upload(content.descriptor, content.open, options);
    return { log: proxy.log, result };
  } finally {
    client.close();
  }
}

/** The first byte that a request sends. */
function startOf(passed: Passed | undefined): number {
  return Number(/^(\d+)-/.exec(passed?.headers['content-range'] ?? '')?.[1]);
}

test('a broken upload goes on where the registry says that it ended', async () => {
  await using registry = await startUploadRegistry();
  const content = contentOf(randomBytes(400_000));
  let puts = 0;
  const decide = ({ method }: Passed): Fate => (method === 'PUT' && ++puts === 1 ? 'cut' : 'pass');
  const { log } = await uploadThrough(registry.host, 'broken', content, { decide });
  assert.ok(registry.blobs.has(content.descriptor.digest));
  const had = log.find(({ fate }) => fate === 'cut')?.bytes ?? 0;
  assert.ok(had >= 200_000, `${had} bytes`);
  const [rest, ...others] = log.filter(({ method }) => method === 'PATCH');
  const start = startOf(rest);
  assert.ok(start > 0 && start <= had, `${start} of ${had} bytes were kept`);
  assert.equal(others, []);
  assert.is(rest?.bytes, 400_000 - start, 'what was kept is not sent again');
  assert.is(content.opened, 2);
});

test('a section that is opened anew while the one before still waits loses nothing', async () => {
  async function* slow(): AsyncGenerator<Buffer> {
    for (const text of ['aaaa', 'bbbb', 'cccc']) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      yield Buffer.from(text);
    }
  }
  await using sections = readSections(async () => Readable.from(slow(), { objectMode: false }));
  const broken = await sections.open(0, 12);
  broken.resume();
  broken.destroy();
  assert.is(String(await collect(await sections.open(0, 12), 12, 'section')), 'aaaabbbbcccc');
});

test('a broken chunk goes on where it ended, and chunks are as long as the registry demands', async () => {
  await using registry = await startUploadRegistry({ leastChunk: 60_000 });
  const content = contentOf(randomBytes(200_000));
  let patches = 0;
  const decide = ({ method }: Passed): Fate => (method === 'PATCH' && ++patches === 2 ? 'cut' : 'pass');
  const { log } = await uploadThrough(registry.host, 'broken', content, { decide, chunkSize: 10_000 });
  assert.ok(registry.blobs.has(content.descriptor.digest));
  const [first, second, third] = log.filter(({ method }) => method === 'PATCH');
  assert.is(first?.headers['content-range'], '0-59999');
  assert.is(second?.headers['content-range'], '60000-119999');
  const start = startOf(third);
  assert.ok(start >= 60_000 && start <= 60_000 + (second?.bytes ?? 0), `${start}`);
});

if (haveTools('docker-registry')) {
  const registry = await startDockerRegistry();
  test.after(async () => registry[Symbol.asyncDispose]());

  const stored = async (repository: string, descriptor: ReturnType<typeof describe>) => {
    const client = clientOf(registry.host, repository);
    try {
      assert.ok(await client.hasBlob(descriptor));
      const body = await client.blob(descriptor);
      return await collect(body.compose(verified(descriptor, 'blob')), descriptor.size, 'blob');
    } finally {
      client.close();
    }
  };
  const upload = (
    repository: string,
    content: ReturnType<typeof contentOf>,
    decide: (passed: Passed) => Fate,
    options: UploadOptions = {},
  ) => uploadThrough(registry.host, repository, content, { decide, ...options });
  const shape = (log: readonly Passed[]) =>
    log.map(({ method, fate }) => (fate === 'pass' ? method : `${method} ${fate}`));

  test('a blob is sent in one request, and is there afterwards', async () => {
    for (const size of [0, 1, 10_000, 123_456]) {
      const bytes = randomBytes(size);
      const content = contentOf(bytes);
      const { log, result } = await upload(`whole/${size}`, content, () => 'pass');
      assert.is(result, 'sent');
      assert.equal(shape(log), ['GET', 'POST', 'PUT'].slice(log.length === 2 ? 1 : 0));
      assert.is(log.at(-1)?.headers['content-length'], String(size));
      assert.ok(bytes.equals(await stored(`whole/${size}`, content.descriptor)), `${size} bytes`);
    }
  });

  test('in chunks, each names its range, and the content is opened once', async () => {
    const bytes = randomBytes(100_000);
    const content = contentOf(bytes);
    const { log } = await upload('chunks', content, () => 'pass', { chunkSize: 30_001 });
    const ranges = log.filter(({ method }) => method === 'PATCH').map(({ headers }) => headers['content-range']);
    assert.equal(ranges, ['0-30000', '30001-60001', '60002-90002', '90003-99999']);
    assert.is(content.opened, 1);
    assert.ok(bytes.equals(await stored('chunks', content.descriptor)));
  });

  test('a broken upload is begun anew where the registry has lost it, as Debian’s has', async () => {
    for (const [name, chunkSize] of [
      ['whole', undefined],
      ['chunks', 50_000],
    ] as const) {
      const bytes = randomBytes(200_000);
      const content = contentOf(bytes);
      let sent = 0;
      const cutOnce = ({ method }: Passed): Fate => (/^PUT|PATCH$/.test(method) && ++sent === 2 ? 'cut' : 'pass');
      if (chunkSize === undefined) sent = 1;
      await upload(`broken/${name}`, content, cutOnce, { chunkSize });
      assert.is(content.opened, 2);
      assert.ok(bytes.equals(await stored(`broken/${name}`, content.descriptor)));
    }
  });

  test('an upload that the registry has forgotten is begun anew', async () => {
    const bytes = randomBytes(50_000);
    const content = contentOf(bytes);
    let puts = 0;
    const { log } = await upload('forgotten', content, ({ method, path }) => {
      if (method === 'PUT' && ++puts === 1) return 404;
      return method === 'GET' && path.includes('/uploads/') ? 404 : 'pass';
    });
    assert.equal(log.filter(({ method }) => method === 'POST').length, 2);
    assert.ok(bytes.equals(await stored('forgotten', content.descriptor)));
  });

  test('a busy registry is asked again; one that stays so ends the upload, which is given up', async () => {
    const content = contentOf(randomBytes(20_000));
    let posts = 0;
    await upload('busy', content, ({ method }) => (method === 'POST' && ++posts === 1 ? 503 : 'pass'));
    const other = contentOf(randomBytes(20_000));
    await using proxy = await startCuttingProxy(registry.host, ({ method }) => (method === 'PUT' ? 503 : 'pass'));
    const client = clientOf(proxy.host, 'busy');
    const error = await failureOf(client.upload(other.descriptor, other.open), 'REGISTRY_ERROR');
    client.close();
    assert.is(error.facts.status, 503);
    assert.match(error.what, /^cannot push blob sha256:/);
    assert.is(proxy.log.at(-1)?.method, 'DELETE');
    assert.is(proxy.log.filter(({ method }) => method === 'PUT').length, REQUESTS.retries + 1);
  });

  test('an upload that is aborted is given up at the registry', async () => {
    const content = contentOf(randomBytes(50_000));
    const abort = new AbortController();
    await using proxy = await startCuttingProxy(registry.host, ({ method }) => {
      if (method === 'PUT') abort.abort(new Error('no more'));
      return 'pass';
    });
    const client = clientOf(proxy.host, 'aborted');
    const failure = await client.upload(content.descriptor, content.open, { signal: abort.signal }).then(
      () => undefined,
      (error: unknown) => error,
    );
    client.close();
    assert.is(failure, abort.signal.reason);
    assert.is(proxy.log.at(-1)?.method, 'DELETE');
  });

  test('too large a request gets the hint to send smaller ones', async () => {
    const content = contentOf(randomBytes(20_000));
    await using proxy = await startCuttingProxy(registry.host, ({ method }) => (method === 'PUT' ? 413 : 'pass'));
    const client = clientOf(proxy.host, 'large');
    const error = await failureOf(client.upload(content.descriptor, content.open), 'REGISTRY_ERROR');
    client.close();
    assert.match(error.hint ?? '', /--chunk-size/);
  });

  test('a blob of another repository is mounted, and one that cannot be is sent', async () => {
    const bytes = randomBytes(30_000);
    const content = contentOf(bytes);
    await upload('mount/from', content, () => 'pass');
    const mounted = await upload('mount/to', content, () => 'pass', { mountFrom: 'mount/from' });
    assert.is(mounted.result, 'mounted');
    assert.is(content.opened, 1);
    assert.ok(bytes.equals(await stored('mount/to', content.descriptor)));
    const sent = await upload('mount/else', content, () => 'pass', { mountFrom: 'mount/nowhere' });
    assert.is(sent.result, 'sent');
    assert.ok(bytes.equals(await stored('mount/else', content.descriptor)));
  });

  test('content that turns out to be wrong at its end leaves nothing in the registry', async () => {
    const bytes = randomBytes(60_000);
    const content = contentOf(bytes);
    const wrong = async () => {
      const changed = Buffer.from(bytes);
      changed[59_999] = (changed[59_999] ?? 0) ^ 1;
      return Readable.from([changed.subarray(0, 30_000), changed.subarray(30_000)], { objectMode: false }).compose(
        verified(content.descriptor, 'blob'),
      ) as unknown as Readable;
    };
    const client = clientOf(registry.host, 'wrong');
    await failureOf(client.upload(content.descriptor, wrong), 'DIGEST_MISMATCH');
    assert.not(await client.hasBlob(content.descriptor));
    client.close();
  });
}

test.run();

import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { digestOf } from '../../src/crypto/digest.ts';
import { parseContentRange } from '../../src/registry/resume.ts';
import { openRegistrySource } from '../../src/sources/registry.ts';
import { failureOf } from '../support/failure-of.ts';
import { type Exchange, startFakeRegistry } from '../support/registry/fake-registry.ts';

const test = suite('registry/resume');

const BLOB = randomBytes(200_000);
const DESCRIPTOR = { mediaType: 'application/octet-stream', digest: digestOf(BLOB), size: BLOB.length };
const PATH = `/v2/a/blobs/${DESCRIPTOR.digest}`;
const CUT = 65_536;

/** The first answer breaks off; the test gives the following exchanges. */
async function fetchBroken(...rest: readonly Exchange[]) {
  await using registry = await startFakeRegistry([{ path: PATH, body: BLOB, cutAfter: CUT, times: 1 }, ...rest]);
  const options = { env: { HOME: '/nonexistent' }, requests: { retries: 3, retryDelay: 1 } };
  const source = openRegistrySource({ registry: registry.host, repository: 'a' }, options);
  try {
    const bytes = await buffer(await source.open(DESCRIPTOR));
    return { bytes, ranges: registry.requests.filter(({ path }) => path === PATH).map(({ headers }) => headers.range) };
  } finally {
    await source.close();
  }
}

const rest = (start: number, length = BLOB.length - start): Exchange => ({
  path: PATH,
  status: 206,
  headers: { 'content-range': `bytes ${start}-${start + length - 1}/${BLOB.length}` },
  body: BLOB.subarray(start, start + length),
});

test('a broken download is resumed, by a closed range of the registry’s URL', async () => {
  const { bytes, ranges } = await fetchBroken(rest(CUT));
  assert.ok(bytes.equals(BLOB));
  assert.equal(ranges, [undefined, `bytes=${CUT}-${BLOB.length - 1}`]);
});

test('a registry that sends the whole again is read from the beginning', async () => {
  const { bytes, ranges } = await fetchBroken({ path: PATH, body: BLOB });
  assert.ok(bytes.equals(BLOB));
  assert.is(ranges.length, 2);
});

test('a range with another start or another size is refused', async () => {
  const whole: Exchange = { path: PATH, when: { range: null }, body: BLOB };
  const wrong: readonly Exchange[] = [
    rest(CUT + 1),
    rest(0),
    { ...rest(CUT), headers: { 'content-range': `bytes ${CUT}-199999/999999` } },
    { ...rest(CUT), headers: {} },
    { path: PATH, status: 416 },
  ];
  for (const answer of wrong) {
    const { bytes, ranges } = await fetchBroken({ ...answer, times: 1 }, whole);
    assert.ok(bytes.equals(BLOB));
    assert.equal(ranges, [undefined, `bytes=${CUT}-${BLOB.length - 1}`, undefined]);
  }
});

test('after a wrong range and a broken whole, ranges are requested again, within the attempts', async () => {
  const wrong: Exchange = { ...rest(0), when: { range: `bytes=${CUT}-${BLOB.length - 1}` }, times: 1 };
  const cut: Exchange = { path: PATH, when: { range: null }, body: BLOB, cutAfter: CUT };
  const { bytes, ranges } = await fetchBroken(wrong, { ...cut, times: 1 }, rest(CUT));
  assert.ok(bytes.equals(BLOB));
  const range = `bytes=${CUT}-${BLOB.length - 1}`;
  assert.equal(ranges, [undefined, range, undefined, range]);
  const { times: _, ...always } = wrong;
  await failureOf(fetchBroken(always, cut), 'REGISTRY_UNREACHABLE');
});

test('a blob whose rest is of another blob fails at its digest', async () => {
  const other = { ...rest(CUT), body: Buffer.alloc(BLOB.length - CUT) };
  await failureOf(fetchBroken(other), 'DIGEST_MISMATCH');
});

test('a blob that changes between two attempts fails at its digest', async () => {
  const changed = Buffer.from(BLOB);
  changed[BLOB.length - 1] = (changed[BLOB.length - 1] ?? 0) ^ 1;
  await failureOf(fetchBroken({ path: PATH, body: changed }), 'DIGEST_MISMATCH');
});

test('a blob of another size than its descriptor’s is refused before it is read', async () => {
  await failureOf(fetchBroken({ path: PATH, body: Buffer.alloc(BLOB.length + 1) }), 'SIZE_MISMATCH');
});

test('an endless blob is cut off at the size of its descriptor', async () => {
  const headers = { 'transfer-encoding': 'chunked' };
  const body = Buffer.concat([BLOB, BLOB]);
  const error = await failureOf(fetchBroken({ path: PATH, headers, body }), 'SIZE_MISMATCH');
  assert.is(error.facts.expected, BLOB.length);
});

test('a download that breaks again and again fails with the cause', async () => {
  const error = await failureOf(fetchBroken({ path: PATH, hangUp: true }), 'REGISTRY_UNREACHABLE');
  assert.is(error.facts.errno, 'ECONNRESET');
});

test('a download is resumed several times', async () => {
  const middle = { ...rest(CUT), cutAfter: CUT, times: 1 };
  const { bytes, ranges } = await fetchBroken(middle, rest(2 * CUT));
  assert.ok(bytes.equals(BLOB));
  assert.equal(ranges.at(-1), `bytes=${2 * CUT}-${BLOB.length - 1}`);
});

test('a missing blob is an error when it is opened', async () => {
  await using registry = await startFakeRegistry();
  const source = openRegistrySource({ registry: registry.host, repository: 'a' }, { env: {} });
  await failureOf(source.open(DESCRIPTOR), 'BLOB_NOT_FOUND');
  await source.close();
});

test('an empty blob is a blob', async () => {
  const empty = { mediaType: 'text/plain', digest: digestOf(''), size: 0 };
  await using registry = await startFakeRegistry([{ path: `/v2/a/blobs/${empty.digest}` }]);
  const source = openRegistrySource({ registry: registry.host, repository: 'a' }, { env: {} });
  assert.is((await buffer(await source.open(empty))).length, 0);
  await source.close();
});

test('a reader that pauses longer than a connection lives gets all bytes', async () => {
  const blob = randomBytes(12_000_000);
  const descriptor = { mediaType: '', digest: digestOf(blob), size: blob.length };
  const timeouts = { connect: 20_000, response: 20_000, idle: 300 };
  await using registry = await startFakeRegistry([{ path: `/v2/a/blobs/${descriptor.digest}`, body: blob }]);
  const options = { env: {}, requests: { retries: 8, retryDelay: 1, timeouts } };
  const source = openRegistrySource({ registry: registry.host, repository: 'a' }, options);
  let size = 0;
  for await (const chunk of await source.open(descriptor)) {
    if (size === 0) await new Promise((resolve) => setTimeout(resolve, 1000));
    size += chunk.length;
  }
  assert.is(size, blob.length);
  assert.ok(registry.log.length > 1);
  await source.close();
});

test('a destroyed stream ends its connection', async () => {
  const timeouts = { connect: 20_000, response: 20_000, idle: 600_000 };
  await using registry = await startFakeRegistry([{ path: PATH, body: BLOB, stallAfter: CUT }]);
  const source = openRegistrySource({ registry: registry.host, repository: 'a' }, { env: {}, requests: { timeouts } });
  const stream = await source.open(DESCRIPTOR);
  stream.on('error', () => {});
  await new Promise((resolve) => stream.once('data', resolve));
  stream.destroy();
  await registry.deserted();
  await source.close();
});

test('a Content-Range has its first and last byte, and the size where it is known', () => {
  assert.equal(parseContentRange('bytes 5-9/10'), { start: 5, end: 9, size: 10 });
  assert.equal(parseContentRange('Bytes 0-0/*'), { start: 0, end: 0, size: undefined });
});

test('anything else is no Content-Range', () => {
  for (const text of [undefined, '', 'bytes */10', 'items 0-1/2', 'bytes 5-9', 'bytes -5-9/10', 'bytes 1e3-9/10']) {
    assert.is(parseContentRange(text), undefined, text);
  }
});

test.run();

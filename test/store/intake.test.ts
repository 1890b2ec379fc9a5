import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../src/errors.ts';
import { hasBlob } from '../../src/store/blobs.ts';
import { writeBlob } from '../../src/store/intake.ts';
import { blobPath, partialPath } from '../../src/store/layout-names.ts';
import { openStore, type Store } from '../../src/store/open.ts';
import { acquireLockName } from '../../src/sys/file/lock.ts';
import { failureOf } from '../support/failure-of.ts';
import { inMountNamespace } from '../support/host/in-mount-namespace.ts';
import { describe } from '../support/image/image.ts';
import { tempDir } from '../support/temp-dir.ts';
import { haveRoot, haveTools } from '../support/tools.ts';

const test = suite('store/intake');
const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7) % 251));
const blob = describe('application/octet-stream', bytes);

/** Content that can be opened anywhere; `asked` has the offsets. */
function content(of: Buffer = bytes) {
  const asked: (number | undefined)[] = [];
  const open = async (offset?: number) => {
    asked.push(offset);
    return Readable.from([of.subarray(offset ?? 0)]);
  };
  return { asked, open };
}

async function leave(kept: Uint8Array): Promise<Store> {
  const store = await openStore(tempDir());
  writeFileSync(partialPath(store.partial, blob.digest), kept);
  return store;
}

const isRight = (store: Store) => {
  assert.equal(readFileSync(blobPath(store.root, blob.digest)), bytes);
  assert.equal(readdirSync(store.partial), []);
};

test('what a killed writer left is not asked for again', async () => {
  const store = await leave(bytes.subarray(0, 200_000));
  const { asked, open } = content();
  await writeBlob(store, blob, open);
  assert.equal(asked, [200_000]);
  isRight(store);
});

test('a writer that was killed after the last byte has left nothing to ask for', async () => {
  const store = await leave(bytes);
  const { asked, open } = content();
  await writeBlob(store, blob, open);
  assert.equal(asked, []);
  isRight(store);
});

test('an abort while kept bytes are read is told as the abort that it is, and they stay', async () => {
  const size = 256 * 1024 * 1024;
  const store = await openStore(tempDir());
  const large = { ...blob, size };
  const partial = partialPath(store.partial, large.digest);
  writeFileSync(partial, '');
  truncateSync(partial, size);
  const stop = new AbortController();
  const reason = new Error('the user has had enough');
  const { asked, open } = content();
  const writing = writeBlob(store, large, open, { signal: stop.signal }).catch((error: unknown) => error);
  // It reads for some hundred milliseconds.
  setTimeout(() => stop.abort(reason), 20);
  const error = await writing;
  // As every abort of `pump`: Node's error, which carries the reason.
  assert.ok(error instanceof Error && error.name === 'AbortError' && error.cause === reason, String(error));
  assert.equal(asked, []);
  assert.is(statSync(partial).size, size);
});

for (const [how, kept] of [
  ['begins with other bytes', Buffer.alloc(200_000, 1)],
  ['has as many bytes, and others', Buffer.alloc(bytes.length, 1)],
] as const) {
  test(`an unfinished blob that ${how} is thrown away, and the whole is fetched once`, async () => {
    const store = await leave(kept);
    const { asked, open } = content();
    await writeBlob(store, blob, open);
    assert.is(asked.at(-1), 0);
    isRight(store);
  });
}

test('an unfinished blob that is too long is begun anew', async () => {
  const store = await leave(Buffer.alloc(bytes.length + 1, 1));
  const { asked, open } = content();
  await writeBlob(store, blob, open);
  assert.equal(asked, [0]);
  isRight(store);
});

test('content that is wrong as a whole too is an error, and leaves nothing', async () => {
  const store = await leave(bytes.subarray(0, 1000));
  const { asked, open } = content(Buffer.alloc(bytes.length, 3));
  await failureOf(writeBlob(store, blob, open), 'DIGEST_MISMATCH');
  assert.equal(asked, [1000, 0]);
  assert.equal(readdirSync(store.partial), []);
});

test('a stream that is open already begins at the start', async () => {
  const store = await leave(bytes.subarray(0, 1000));
  await writeBlob(store, blob, Readable.from([bytes]));
  isRight(store);
});

test('a broken connection leaves what came, and the next write goes on there', async () => {
  const store = await openStore(tempDir());
  // A stream that is destroyed drops what was not read yet, so it breaks when the bytes are in the file.
  const broken = async () =>
    Readable.from(
      (async function* () {
        yield bytes.subarray(0, 100_000);
        while (statSync(partialPath(store.partial, blob.digest)).size < 100_000) await sleep(1);
        throw new TsimgError('REGISTRY_UNREACHABLE', 'gone');
      })(),
    );
  await failureOf(writeBlob(store, blob, broken), 'REGISTRY_UNREACHABLE');
  const { asked, open } = content();
  await writeBlob(store, blob, open);
  assert.equal(asked, [100_000]);
  isRight(store);
});

test('of many writers of one blob, one reads its content', async () => {
  const store = await openStore(tempDir());
  const { asked, open } = content();
  await Promise.all(Array.from({ length: 10 }, () => writeBlob(store, blob, open)));
  assert.equal(asked, [0]);
  isRight(store);
});

test('a writer waits for another process, tells of it, and takes its blob', async () => {
  const store = await openStore(tempDir());
  const temporary = partialPath(store.partial, blob.digest);
  const other = await acquireLockName(temporary, 'exclusive');
  const told: string[] = [];
  const { asked, open } = content();
  const writing = writeBlob(store, blob, open, {
    onEvent: (event) => {
      if (event.kind !== 'warning') return;
      told.push(event.message);
      writeFileSync(blobPath(store.root, blob.digest), bytes);
      void other.close();
    },
  });
  await writing;
  assert.equal(asked, []);
  assert.match(told[0] ?? '', /^waiting for .* to release /);
  isRight(store);
});

test('a link or a directory in the place of an unfinished blob is not written through', async () => {
  const dir = tempDir();
  const outside = join(dir, 'outside');
  writeFileSync(outside, 'mine');
  const store = await openStore(join(dir, 'store'));
  symlinkSync(outside, partialPath(store.partial, blob.digest));
  await failureOf(writeBlob(store, blob, content().open), 'FILESYSTEM');
  assert.is(readFileSync(outside, 'utf8'), 'mine');
  const other = await openStore(join(dir, 'other'));
  mkdirSync(partialPath(other.partial, blob.digest));
  await failureOf(writeBlob(other, blob, content().open), 'FILESYSTEM');
  assert.not.ok(await hasBlob(other, blob));
});

test('a full disk: what was received stays in a store alone, so the remedy of a layout is another', async () => {
  if (!haveRoot() || !haveTools('unshare')) return;
  const at = (path: string) => JSON.stringify(new URL(`../../src/${path}.js`, import.meta.url).href);
  const digest = `sha256:${'0'.repeat(64)}`;
  const script = `import { writeBlob } from ${at('store/intake')};
    import { openStore } from ${at('store/open')};
    import { openOciLayoutSink } from ${at('sinks/oci-layout')};
    import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
    const blob = { mediaType: 'x/y', digest: '${digest}', size: 4_000_000 };
    const content = () => Readable.from([Buffer.alloc(4_000_000)]);
    const tell = ({ code, why, hint }) => console.log([code, why, hint].join('|'));
    const store = await openStore(process.argv[1] + '/store');
    await writeBlob(store, blob, content()).catch(tell);
    const sink = await openOciLayoutSink(process.argv[1] + '/layout');
    await sink.write(blob, content()).catch(tell);
    await sink.close();`;
  const told = inMountNamespace('mount -t tmpfs -o size=1m none "$1"', script, tempDir());
  assert.equal(told.split('\n'), [
    'FILESYSTEM|no space is left|make room and try again: a download goes on where it ended; ' +
      'tsimg prune removes unfinished blobs',
    'FILESYSTEM|no space is left|make room, or choose another place',
  ]);
});

test.run();

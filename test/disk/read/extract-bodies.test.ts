import { chmodSync, chownSync, closeSync, constants, openSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { digestOf } from '../../../src/crypto/digest.ts';
import { type ExtractOptions, extractBodies } from '../../../src/disk/read/extract-bodies.ts';
import { bodyPool } from '../../../src/disk/write/body-pool.ts';
import { nameInPool } from '../../../src/rootfs/body.ts';
import { setXattrAt } from '../../../src/sys/file/files.ts';
import { failureOf } from '../../support/failure-of.ts';
import { dir, file, hardlink, symlink, tarOf } from '../../support/image/tar.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveRoot } from '../../support/tools.ts';

const test = suite('disk/read/extract-bodies');

async function store(archive: Buffer, pool: string | undefined, options: Partial<ExtractOptions> = {}) {
  const descriptor = pool === undefined ? undefined : openSync(pool, constants.O_RDONLY | constants.O_DIRECTORY);
  const bodies = descriptor === undefined ? undefined : bodyPool(descriptor, { ownership: 'set' });
  try {
    return await extractBodies(Readable.from([archive]), { pool: bodies, firstBody: 0, where: 'layer', ...options });
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

test('content is stored in buckets under the last component of its name, else under a number', async () => {
  const pool = tempDir();
  const archive = tarOf(
    dir('d'),
    file('d/../../x', 'one'),
    symlink('l', '/etc'),
    file('/etc/y', 'two'),
    hardlink('h', 'x'),
    file('/etc/z', 'three'),
    file('/etc/y', 'four'),
    file('etc/..', 'five'),
    file(`etc/${'n'.repeat(256)}`, 'six'),
    file('/etc/empty', ''),
  );
  const stored = await store(archive, pool, { firstBody: 7 });
  assert.equal(readdirSync(pool).sort(), ['10', '11', '12', 'd7', 'd8']);
  const bodies = [...stored.entries].flatMap(({ body }) => body ?? []);
  assert.equal(
    bodies.map((body) => [nameInPool(body), readFileSync(join(pool, nameInPool(body)), 'utf8'), body.bucket?.files]),
    [
      ['d7/x', 'one', 1],
      ['d8/y', 'two', 2],
      ['d8/z', 'three', 2],
      ['10', 'four', undefined],
      ['11', 'five', undefined],
      ['12', 'six', undefined],
    ],
  );
  assert.is(stored.bodies, 6);
});

test('content that does not become files has no buckets', async () => {
  const pool = tempDir();
  const descriptor = openSync(pool, constants.O_RDONLY | constants.O_DIRECTORY);
  await extractBodies(Readable.from([tarOf(file('a/b', 'x'))]), {
    pool: { directory: descriptor },
    firstBody: 0,
    where: 'layer',
  });
  closeSync(descriptor);
  assert.equal(readdirSync(pool), ['0']);
});

test('an empty file has no body', async () => {
  const pool = tempDir();
  assert.is((await store(tarOf(file('a', '')), pool)).bodies, 0);
  assert.equal(readdirSync(pool), []);
});

test('the digest covers all bytes, those behind the end of the archive too', async () => {
  const archive = Buffer.concat([tarOf(file('a', 'x')), Buffer.from('behind')]);
  const stored = await store(archive, tempDir());
  assert.equal([stored.digest, stored.size], [digestOf(archive), archive.length]);
});

test('without a pool headers and digest are the same, and nothing is written', async () => {
  const archive = tarOf(file('a', 'x'), file('b', 'y'));
  const seen = async (pool: string | undefined) => {
    const { entries, ...layer } = await store(archive, pool);
    return [[...entries].map(({ header }) => header), layer];
  };
  assert.equal(await seen(undefined), await seen(tempDir()));
});

test('entries are bounded', async () => {
  const archive = tarOf(file('a', 'xxx'), file('b', 'yyy'));
  await failureOf(store(archive, tempDir(), { limits: { maxEntries: 1 } }), 'LIMIT_EXCEEDED');
  assert.is((await store(archive, tempDir(), { limits: { maxEntries: 2 } })).bodies, 2);
});

test('a number that is in use is an error: bodies never share a file', async () => {
  const pool = tempDir();
  await store(tarOf(file('a', 'first')), pool);
  const error = await failureOf(store(tarOf(file('a', 'second')), pool), 'FILESYSTEM');
  assert.is(error.facts.errno, 'EEXIST');
  assert.is(readFileSync(join(pool, 'd0', 'a'), 'utf8'), 'first');
});

/**
 * Sets a default ACL, acl(5), as an xattr: new files of the directory get one more user than the mode says, and nothing
 * for others.
 */
function giveDefaultAcl(directory: string): void {
  const entries = [
    [0x01, 7, 0xffffffff],
    [0x02, 7, 1234],
    [0x04, 5, 0xffffffff],
    [0x10, 7, 0xffffffff],
    [0x20, 0, 0xffffffff],
  ] as const;
  const acl = Buffer.alloc(4 + 8 * entries.length);
  acl.writeUInt32LE(2);
  for (const [index, [tag, permissions, id]] of entries.entries()) {
    acl.writeUInt16LE(tag, 4 + 8 * index);
    acl.writeUInt16LE(permissions, 6 + 8 * index);
    acl.writeUInt32LE(id, 8 + 8 * index);
  }
  const descriptor = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  assert.is(setXattrAt(descriptor, '.', 'system.posix_acl_default', acl), 0);
  closeSync(descriptor);
}

function giveOtherGroup(directory: string): void {
  chownSync(directory, 0, 1234);
  chmodSync(directory, 0o2700);
}

for (const [what, umask, prepare] of [
  ['nothing special', 0o022, () => {}],
  ['a tight umask', 0o077, () => {}],
  ['an inherited ACL', 0o022, giveDefaultAcl],
  ['an inherited group', 0, haveRoot() ? giveOtherGroup : () => {}],
] as const) {
  test(`files get the owner and the mode of their entries: ${what}`, async () => {
    const pool = tempDir();
    prepare(pool);
    const modes = [0o644, 0o755, 0o4755, 0o444, 0o600, 0o666, 0o644, 0o755, 0o4755, 0o444, 0o600, 0o666, 0o2770, 0];
    const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
    const before = process.umask(umask);
    try {
      await store(tarOf(...modes.map((mode, index) => file(`f${index}`, 'x', { mode, uid, gid, mtime: index }))), pool);
    } finally {
      process.umask(before);
    }
    const [bucket] = readdirSync(pool);
    for (const [index, mode] of modes.entries()) {
      const found = statSync(join(pool, bucket ?? '', `f${index}`));
      assert.equal([found.mode & 0o7777, found.uid, found.gid, found.mtimeMs], [mode, uid, gid, index * 1000]);
    }
  });
}

test.run();

import { closeSync, constants, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { digestOf } from '../../src/crypto/digest.ts';
import { bodyPool } from '../../src/disk/body-pool.ts';
import { type StoreBodiesOptions, storeBodies } from '../../src/disk/store-bodies.ts';
import { failureOf } from '../support/failure-of.ts';
import { dir, file, hardlink, symlink, tarOf } from '../support/tar.ts';
import { tempDir } from '../support/temp-dir.ts';

const test = suite('disk/store-bodies');

async function store(archive: Buffer, pool: string | undefined, options: Partial<StoreBodiesOptions> = {}) {
  const descriptor = pool === undefined ? undefined : openSync(pool, constants.O_RDONLY | constants.O_DIRECTORY);
  const bodies = descriptor === undefined ? undefined : bodyPool(descriptor, { ownership: 'set' });
  try {
    return await storeBodies(Readable.from([archive]), { pool: bodies, firstBody: 0, where: 'layer', ...options });
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

test('content is stored under numbers, never under names of the archive', async () => {
  const pool = tempDir();
  const archive = tarOf(
    dir('d'),
    file('d/../../x', 'one'),
    symlink('l', '/etc'),
    file('/etc/y', 'two'),
    hardlink('h', 'x'),
  );
  const stored = await store(archive, pool, { firstBody: 7 });
  assert.equal(readdirSync(pool).sort(), ['7', '8']);
  assert.is(readFileSync(join(pool, '8'), 'utf8'), 'two');
  assert.equal(
    [...stored.entries].map(({ body }) => body),
    [undefined, 7, undefined, 8, undefined],
  );
  assert.is(stored.bodies, 2);
});

test('an empty file has no body', async () => {
  const pool = tempDir();
  assert.is((await store(tarOf(file('a', '')), pool)).bodies, 0);
  assert.equal(readdirSync(pool), []);
});

test('the digest is of all bytes, those behind the end of the archive too', async () => {
  const archive = Buffer.concat([tarOf(file('a', 'x')), Buffer.from('behind')]);
  const stored = await store(archive, tempDir());
  assert.equal([stored.digest, stored.size], [digestOf(archive), archive.length]);
});

test('without a pool headers and digest are the same and nothing is written', async () => {
  const archive = tarOf(file('a', 'x'), file('b', 'y'));
  const [without, withPool] = [await store(archive, undefined), await store(archive, tempDir())];
  assert.equal(without, withPool);
});

test('entries are bounded', async () => {
  const archive = tarOf(file('a', 'xxx'), file('b', 'yyy'));
  await failureOf(store(archive, tempDir(), { limits: { maxEntries: 1 } }), 'LIMIT_EXCEEDED');
  assert.is((await store(archive, tempDir(), { limits: { maxEntries: 2 } })).bodies, 2);
});

test('a number that is taken is an error: bodies never share a file', async () => {
  const pool = tempDir();
  await store(tarOf(file('a', 'first')), pool);
  const error = await failureOf(store(tarOf(file('a', 'second')), pool), 'FILESYSTEM');
  assert.is(error.facts.errno, 'EEXIST');
  assert.is(readFileSync(join(pool, '0'), 'utf8'), 'first');
});

test.run();

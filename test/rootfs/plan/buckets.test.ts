import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Body, Bucket } from '../../../src/rootfs/body.ts';
import { applyLayer } from '../../../src/rootfs/fold/apply.ts';
import type { LayerEntry } from '../../../src/rootfs/fold/outcome.ts';
import type { Change } from '../../../src/rootfs/plan/change.ts';
import { planFlat } from '../../../src/rootfs/plan/plan-flat.ts';
import { planLayer } from '../../../src/rootfs/plan/plan-layer.ts';
import { Tree } from '../../../src/rootfs/tree.ts';
import { file, fold, hardlink, marker, symlink, tolerated } from '../../support/image/layer.ts';

const test = suite('rootfs/plan/buckets');

/** A file whose body is in a bucket, under the last component of its name. */
function at(bucket: Bucket, path: string, mark = 1): LayerEntry {
  bucket.files += 1;
  const body: Body = { bucket, name: path.slice(path.lastIndexOf('/') + 1) };
  return { header: file(path, mark).header, body };
}

function newBucket(name: string): Bucket {
  return { name, files: 0 };
}

/** Lists `path < bucket` for each directory that is made of a bucket. */
function madeOfBuckets(changes: Iterable<Change>): readonly string[] {
  return [...changes].flatMap((change) =>
    change.kind === 'directory' && change.bucket !== undefined ? `${change.path} < ${change.bucket.name}` : [],
  );
}

test('a bucket becomes the directory that all its files are in, whatever other files are there', () => {
  const [one, two] = [newBucket('d0'), newBucket('d1')];
  const tree = fold([at(one, 'a/x'), at(one, 'a/y'), file('a/z'), symlink('a/l', 'x'), at(two, 'a/b/x')]);
  assert.equal(madeOfBuckets(planFlat(tree)), ['a < d0', 'a/b < d1']);
});

test('a bucket with a file that is hidden, replaced or in another place does not become a directory', () => {
  for (const [below, above] of [
    [[], [marker('a/.wh.x')]],
    [[], [file('a/x', 7)]],
    [[], [file('a', 7)]],
    [[file('a/x', 8)], []],
    [[symlink('b/l', '../a')], [file('b/l/x', 9)]],
  ] as const) {
    const bucket = newBucket('d0');
    const tree = fold([at(bucket, 'a/x'), at(bucket, 'a/y'), ...below], above);
    assert.equal(madeOfBuckets(planFlat(tree)), [], JSON.stringify(above));
  }
  const bucket = newBucket('d0');
  const tree = fold([symlink('s', 'a'), at(bucket, 's/x'), file('a/z')]);
  assert.equal(madeOfBuckets(planFlat(tree)), ['a < d0'], 'through a symlink all are in one place');
});

test('of two buckets with all their files in one directory the larger becomes the directory', () => {
  const [one, two] = [newBucket('d0'), newBucket('d1')];
  const tree = fold([at(one, 'a/x')], [at(two, 'a/y'), at(two, 'a/z')]);
  assert.equal(madeOfBuckets(planFlat(tree)), ['a < d1']);
});

test('a bucket becomes one directory, even if hard links put its files into two', () => {
  const bucket = newBucket('d0');
  const links = [hardlink('a/x', 'b/x'), hardlink('a/y', 'b/y')];
  assert.equal(madeOfBuckets(planFlat(fold([at(bucket, 'b/x'), at(bucket, 'b/y'), ...links]))), ['a < d0']);
});

test('files of the root stay in their bucket until they are placed', () => {
  assert.equal(madeOfBuckets(planFlat(fold([at(newBucket('d0'), 'x')]))), []);
});

test('in the overlay form of a layer only its own files count', () => {
  const [lower, own] = [newBucket('d0'), newBucket('d1')];
  const tree = new Tree();
  const changes = (entries: readonly LayerEntry[], ordinal: number) =>
    madeOfBuckets(planLayer(tree, applyLayer(tree, { entries, ordinal }, tolerated())));
  assert.equal(changes([at(lower, 'a/x'), at(lower, 'b/y')], 0), []);
  assert.equal(changes([at(own, 'a/n'), hardlink('c/x', 'a/x')], 1), ['a < d1'], 'a copy comes from the layer below');
});

test.run();

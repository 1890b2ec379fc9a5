import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Body, Home } from '../../../src/rootfs/body.ts';
import { applyLayer } from '../../../src/rootfs/fold/apply.ts';
import type { LayerEntry } from '../../../src/rootfs/fold/outcome.ts';
import type { Change } from '../../../src/rootfs/plan/change.ts';
import { planFlat } from '../../../src/rootfs/plan/plan-flat.ts';
import { planLayer } from '../../../src/rootfs/plan/plan-layer.ts';
import { Tree } from '../../../src/rootfs/tree.ts';
import { file, fold, hardlink, marker, symlink, tally } from '../../support/layer.ts';

const test = suite('rootfs/plan/homes');

/** A file whose body is in a home, under the last component of its name. */
function at(home: Home, path: string, mark = 1): LayerEntry {
  home.files += 1;
  const body: Body = { home, name: path.slice(path.lastIndexOf('/') + 1) };
  return { header: file(path, mark).header, body };
}

function newHome(name: string): Home {
  return { name, files: 0 };
}

/** `path < home` for each directory that is made of a home. */
function madeOfHomes(changes: Iterable<Change>): readonly string[] {
  return [...changes].flatMap((change) =>
    change.kind === 'directory' && change.home !== undefined ? `${change.path} < ${change.home.name}` : [],
  );
}

test('a home becomes the directory that all its files are in, whatever else is there', () => {
  const [one, two] = [newHome('d0'), newHome('d1')];
  const tree = fold([at(one, 'a/x'), at(one, 'a/y'), file('a/z'), symlink('a/l', 'x'), at(two, 'a/b/x')]);
  assert.equal(madeOfHomes(planFlat(tree)), ['a < d0', 'a/b < d1']);
});

test('no home of which a file is hidden, replaced or in another place becomes a directory', () => {
  for (const [below, above] of [
    [[], [marker('a/.wh.x')]],
    [[], [file('a/x', 7)]],
    [[], [file('a', 7)]],
    [[file('a/x', 8)], []],
    [[symlink('b/l', '../a')], [file('b/l/x', 9)]],
  ] as const) {
    const home = newHome('d0');
    const tree = fold([at(home, 'a/x'), at(home, 'a/y'), ...below], above);
    assert.equal(madeOfHomes(planFlat(tree)), [], JSON.stringify(above));
  }
  const home = newHome('d0');
  const tree = fold([symlink('s', 'a'), at(home, 's/x'), file('a/z')]);
  assert.equal(madeOfHomes(planFlat(tree)), ['a < d0'], 'through a symlink all are in one place');
});

test('of two homes with all their files in one directory it is made of the larger', () => {
  const [one, two] = [newHome('d0'), newHome('d1')];
  const tree = fold([at(one, 'a/x')], [at(two, 'a/y'), at(two, 'a/z')]);
  assert.equal(madeOfHomes(planFlat(tree)), ['a < d1']);
});

test('a home becomes one directory, also where hard links put its files into two', () => {
  const home = newHome('d0');
  const links = [hardlink('a/x', 'b/x'), hardlink('a/y', 'b/y')];
  assert.equal(madeOfHomes(planFlat(fold([at(home, 'b/x'), at(home, 'b/y'), ...links]))), ['a < d0']);
});

test('files of the root stay in their home until they are placed', () => {
  assert.equal(madeOfHomes(planFlat(fold([at(newHome('d0'), 'x')]))), []);
});

test('in the overlay form of a layer only its own files count', () => {
  const [lower, own] = [newHome('d0'), newHome('d1')];
  const tree = new Tree();
  const changes = (entries: readonly LayerEntry[], ordinal: number) =>
    madeOfHomes(planLayer(tree, applyLayer(tree, entries, ordinal, tally())));
  assert.equal(changes([at(lower, 'a/x'), at(lower, 'b/y')], 0), []);
  assert.equal(changes([at(own, 'a/n'), hardlink('c/x', 'a/x')], 1), ['a < d1'], 'a copy comes from the layer below');
});

test.run();

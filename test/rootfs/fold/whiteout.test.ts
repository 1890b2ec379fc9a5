import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { applyLayer } from '../../../src/rootfs/fold/apply.ts';
import { Tree } from '../../../src/rootfs/tree.ts';
import { dir, file, fold, hardlink, lines, marker, symlink, tolerated } from '../../support/image/layer.ts';

const test = suite('rootfs/fold/whiteout');

const BASE = [dir('d'), file('d/a'), file('d/b'), dir('d/sub'), file('d/sub/c')];

const refused = (code: string) => (error: unknown) => error instanceof TsimgError && error.code === code;

test('a whiteout hides a file of a lower layer', () => {
  assert.equal(lines(fold(BASE, [marker('d/.wh.a')])), ['d/', 'd/b 1', 'd/sub/', 'd/sub/c 1']);
});

test('a whiteout hides a directory with everything beneath it', () => {
  assert.equal(lines(fold(BASE, [marker('.wh.d')])), []);
});

test('a whiteout never hides a file of its own layer, wherever it stands', () => {
  const expected = ['d/', 'd/a 2', 'd/b 1', 'd/sub/', 'd/sub/c 1'];
  assert.equal(lines(fold(BASE, [file('d/a', 2), marker('d/.wh.a')])), expected);
  assert.equal(lines(fold(BASE, [marker('d/.wh.a'), file('d/a', 2)])), expected);
});

test('a whiteout of a directory that its layer makes again leaves only the new one', () => {
  const expected = ['d/', 'd/n 2'];
  assert.equal(lines(fold(BASE, [file('d/n', 2), marker('.wh.d')])), expected);
  assert.equal(lines(fold(BASE, [marker('.wh.d'), file('d/n', 2)])), expected);
});

test('a whiteout of a missing name does nothing and makes nothing', () => {
  assert.equal(lines(fold([file('x')], [marker('.wh.y'), marker('no/such/.wh.z'), marker('x/.wh.y')])), ['x 1']);
});

test('a whiteout removes a symlink, never its target', () => {
  assert.equal(lines(fold([...BASE, symlink('l', 'd')], [marker('.wh.l')])), lines(fold(BASE)));
});

test('a whiteout reaches through symlinked parents, as the files of its layer do', () => {
  const tree = fold([...BASE, symlink('l', 'd')], [marker('l/.wh.a')]);
  assert.equal(lines(tree), ['d/', 'd/b 1', 'd/sub/', 'd/sub/c 1', 'l -> d']);
});

test('a whiteout in a directory that replaces a symlink does not reach through that symlink', () => {
  const base = [...BASE, symlink('l', 'd')];
  const tree = fold(base, [marker('l/.wh.a'), marker('l/.wh..wh..opq'), dir('l')]);
  assert.equal(lines(tree), [...lines(fold(BASE)), 'l/']);
});

test('a whiteout does not reach through a symlink that its own layer hides, in any order', () => {
  const base = [...BASE, symlink('l', 'd'), dir('p'), symlink('p/l', '../d')];
  const expected = [...lines(fold(BASE)), 'p/'];
  const markers = [marker('l/.wh.a'), marker('.wh.l'), marker('p/l/.wh.b'), marker('p/.wh..wh..opq')];
  assert.equal(lines(fold(base, markers)), expected);
  assert.equal(lines(fold(base, markers.toReversed())), expected);
});

test('an opaque marker hides all lower children and none of its own layer, wherever it stands', () => {
  const expected = ['d/', 'd/n 2'];
  assert.equal(lines(fold(BASE, [file('d/n', 2), marker('d/.wh..wh..opq')])), expected);
  assert.equal(lines(fold(BASE, [marker('d/.wh..wh..opq'), file('d/n', 2)])), expected);
});

test('an opaque marker in the root empties the root', () => {
  assert.equal(lines(fold(BASE, [file('n', 2), marker('./.wh..wh..opq')])), ['n 2']);
});

test('an opaque marker keeps the attributes of its directory', () => {
  const tree = fold([dir('d', { mode: 0o700 }), file('d/a')], [marker('d/.wh..wh..opq')]);
  assert.is(tree.root.children.get('d')?.attributes.mode, 0o700);
});

test('an opaque marker is not followed through a symlink', () => {
  const tree = fold(
    [...BASE, symlink('l', 'd'), symlink('up', '..')],
    [marker('l/.wh..wh..opq'), marker('up/.wh..wh..opq')],
  );
  assert.equal(lines(tree), [...lines(fold(BASE)), 'l -> d', 'up -> ..']);
});

test('only the exact name .wh..wh..opq is an opaque marker', () => {
  const counts = tolerated();
  const tree = new Tree();
  applyLayer(tree, { entries: BASE, ordinal: 0 }, counts);
  applyLayer(tree, { entries: [marker('d/.wh..wh..opqX')], ordinal: 1 }, counts);
  assert.equal(lines(tree), lines(fold(BASE)));
  assert.is(counts.counts.get('aufs-metadata'), 1);
});

test("aufs' own files and folders are left out and counted", () => {
  const counts = tolerated();
  const tree = new Tree();
  applyLayer(
    tree,
    {
      entries: [dir('.wh..wh.plnk'), file('.wh..wh.plnk/17.4'), marker('.wh..wh.aufs'), dir('.wh..wh.orph'), file('a')],
      ordinal: 0,
    },
    counts,
  );
  assert.equal(lines(tree), ['a 1']);
  assert.is(counts.counts.get('aufs-metadata'), 4);
});

test('names that only contain or resemble the prefix are files', () => {
  const tree = fold([file('which'), file('a.wh.b'), file('.whiskers'), file('.wh'), file('x.wh..wh..opq')]);
  assert.equal(lines(tree), ['.wh 1', '.whiskers 1', 'a.wh.b 1', 'which 1', 'x.wh..wh..opq 1']);
});

for (const name of ['.wh.', '.wh..', '.wh...']) {
  test(`${name} is refused before anything is hidden`, () => {
    const tree = fold([...BASE]);
    const layer = [marker('.wh.d'), marker(`d/${name}`)];
    assert.throws(() => applyLayer(tree, { entries: layer, ordinal: 1 }, tolerated()), refused('LAYER_INVALID'));
    assert.equal(lines(tree), lines(fold(BASE)));
  });
}

test('a directory with the name of a whiteout is refused, and so is an entry beneath one', () => {
  assert.throws(() => fold([dir('.wh.d')]), refused('LAYER_INVALID'));
  assert.throws(() => fold([file('.wh.d/x')]), refused('LAYER_INVALID'));
  assert.throws(() => fold([file('.wh..wh..opq/x')]), refused('LAYER_INVALID'));
});

test('whiteouts with .. in their names stay inside the root', () => {
  assert.equal(lines(fold(BASE, [marker('../../.wh.d')])), []);
  assert.equal(lines(fold(BASE, [marker('d/sub/../.wh.sub')])), ['d/', 'd/a 1', 'd/b 1']);
});

test('the tree does not depend on the order of entries, links to files of lower layers excepted', () => {
  const base = [...BASE, symlink('l', 'd'), file('e/f'), dir('e/g'), hardlink('h', 'd/b')];
  const layer = [
    marker('.wh.e'),
    file('e/n', 2),
    marker('d/.wh.a'),
    file('d/a', 3),
    dir('d', { mode: 0o700 }),
    marker('d/sub/.wh..wh..opq'),
    file('d/sub/fresh', 4),
    hardlink('k', 'e/n'),
    hardlink('m', 'k'),
    marker('.wh.h'),
    marker('.wh.l'),
    marker('l/.wh.b'),
    symlink('s', 'd/sub'),
  ];
  const expected = lines(fold(base, layer));
  let random = 1;
  for (let round = 0; round < 200; round += 1) {
    const shuffled = layer
      .map((entry) => {
        random = (random * 48271) % 0x7fffffff;
        return { entry, key: random };
      })
      .sort((one, other) => one.key - other.key)
      .map(({ entry }) => entry);
    assert.equal(lines(fold(base, shuffled)), expected);
  }
});

test.run();

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { applyLayer } from '../../../src/rootfs/fold/apply.ts';
import type { LayerEntry } from '../../../src/rootfs/fold/outcome.ts';
import { planLayer } from '../../../src/rootfs/plan/plan-layer.ts';
import { Tree } from '../../../src/rootfs/tree.ts';
import { dir, file, hardlink, marker, tolerated } from '../../support/image/layer.ts';

const test = suite('rootfs/plan/plan-layer');

/** Plans the overlay form of the last of these layers, without attributes. */
function overlayOf(...layers: readonly (readonly LayerEntry[])[]): readonly string[] {
  const tree = new Tree();
  const plans = layers.map((entries, ordinal) => [
    ...planLayer(tree, applyLayer(tree, { entries, ordinal }, tolerated())),
  ]);
  return (plans.at(-1) ?? [])
    .filter(({ kind }) => kind !== 'attributes')
    .map((change) => {
      const from = change.kind === 'file' && change.source?.from === 'layer' ? change.source : undefined;
      const copied = from === undefined ? '' : ` from ${from.layer}:${from.path}`;
      return `${change.kind} ${change.path || '.'}${change.kind === 'hardlink' ? ` ${change.target}` : copied}`;
    });
}

const BASE = [dir('d', { mode: 0o700 }), file('d/a'), file('d/b'), dir('e'), file('e/f')];

test('a layer has the files that it wrote and the directories above them', () => {
  assert.equal(overlayOf(BASE, [file('d/n')]), ['directory d', 'file d/n']);
});

test('directories above keep the attributes that they have in the merged tree', () => {
  const tree = new Tree();
  applyLayer(tree, { entries: BASE, ordinal: 0 }, tolerated());
  const changes = [...planLayer(tree, applyLayer(tree, { entries: [file('d/n')], ordinal: 1 }, tolerated()))];
  const attributes = changes.find(({ kind, path }) => kind === 'attributes' && path === 'd');
  assert.is(attributes?.kind === 'attributes' && attributes.attributes.mode, 0o700);
});

test('a whiteout stays a whiteout, and a file that takes the name needs none', () => {
  assert.equal(overlayOf(BASE, [marker('d/.wh.a'), marker('d/.wh.b'), file('d/b', 2), marker('.wh.e')]), [
    'directory d',
    'whiteout d/a',
    'file d/b',
    'whiteout e',
  ]);
});

test('a whiteout of nothing leaves nothing', () => {
  assert.equal(overlayOf(BASE, [marker('d/.wh.none'), marker('none/.wh.a')]), []);
});

test('an opaque directory is marked, and hides its former children without whiteouts', () => {
  assert.equal(overlayOf(BASE, [marker('d/.wh..wh..opq'), file('d/n')]), ['directory d', 'opaque d', 'file d/n']);
});

test('an opaque root hides by whiteouts, because overlayfs has no opaque root', () => {
  const layer = [file('d/n'), file('n'), marker('.wh..wh..opq')];
  assert.equal(overlayOf(BASE, layer), ['directory d', 'opaque d', 'file d/n', 'whiteout e', 'file n']);
});

test('a directory that replaces a lower node is not merged with it', () => {
  assert.equal(overlayOf(BASE, [marker('.wh.d'), file('d/n')]), ['directory d', 'opaque d', 'file d/n']);
  assert.equal(overlayOf(BASE, [dir('d/a')]), ['directory d', 'directory d/a', 'opaque d/a']);
});

test('a directory that was replaced twice in one layer is opaque too', () => {
  assert.equal(overlayOf(BASE, [file('d', 2), dir('d'), file('d/n')]), ['directory d', 'opaque d', 'file d/n']);
});

test('a hard link to a lower file is a copy of it under all its names', () => {
  assert.equal(overlayOf([file('x/a'), hardlink('y/b', 'x/a'), file('z')], [hardlink('c', 'y/b')]), [
    'file c from 0:y/b',
    'directory x',
    'hardlink x/a c',
    'directory y',
    'hardlink y/b c',
  ]);
});

test('a hard link to a lower file that its layer replaces or hides is a copy of the file in the layer below', () => {
  assert.equal(overlayOf(BASE, [hardlink('n', 'd/a'), file('d/a', 2)]), [
    'directory d',
    'file d/a',
    'file n from 0:d/a',
  ]);
  assert.equal(overlayOf(BASE, [hardlink('n', 'd/a'), marker('d/.wh.a')]), [
    'directory d',
    'whiteout d/a',
    'file n from 0:d/a',
  ]);
  assert.equal(overlayOf(BASE, [hardlink('n', 'd/a'), file('d', 2)]), ['file d', 'file n from 0:d/a']);
  assert.equal(overlayOf(BASE, [hardlink('e/n', 'e/f'), marker('e/.wh..wh..opq')]), [
    'directory e',
    'opaque e',
    'file e/n from 0:e/f',
  ]);
});

test('a file is copied from the layer that had it last', () => {
  const second = [hardlink('n', 'd/a'), marker('d/.wh.a')];
  assert.equal(overlayOf(BASE, second, [hardlink('m', 'n'), marker('.wh.n')]), ['file m from 1:n', 'whiteout n']);
});

test('hard links of one layer take its stored body', () => {
  assert.equal(overlayOf(BASE, [file('n'), hardlink('m', 'n')]), ['file m', 'hardlink n m']);
});

test.run();

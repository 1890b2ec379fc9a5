import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../src/errors.ts';
import { dir, file, fold, hardlink, lines, marker, nodeAt, symlink } from '../support/layer.ts';

const test = suite('rootfs/hardlink');

const refused = (error: unknown) => error instanceof TsimgError && error.code === 'LAYER_INVALID';

test('a hard link is another name of its target, before or after it in the layer', () => {
  const expected = ['a 1', 'b = a'];
  assert.equal(lines(fold([file('a'), hardlink('b', 'a')])), expected);
  assert.equal(lines(fold([hardlink('b', 'a'), file('a')])), expected);
});

test('a hard link reaches a file of a lower layer', () => {
  assert.equal(lines(fold([file('x/a')], [hardlink('b', 'x/a')])), ['b 1', 'x/', 'x/a = b']);
});

test("a target's name is relative to the root, also when it is absolute or climbs", () => {
  const tree = fold([file('x/a'), hardlink('y/b', '/x/a'), hardlink('y/c', './x/a'), hardlink('d', '../../x/a')]);
  assert.equal(lines(tree), ['d 1', 'x/', 'x/a = d', 'y/', 'y/b = d', 'y/c = d']);
});

test('links to links reach the file, in any order', () => {
  assert.equal(lines(fold([hardlink('c', 'b'), hardlink('b', 'a'), file('a')])), ['a 1', 'b = a', 'c = a']);
});

test('a hard link to a symlink links the symlink itself', () => {
  const tree = fold([dir('etc'), file('etc/passwd'), symlink('s', 'etc/passwd'), hardlink('h', 's')]);
  assert.equal(lines(tree), ['etc/', 'etc/passwd 1', 'h -> etc/passwd', 's = h']);
});

test('the parents of a target are followed inside the root', () => {
  assert.equal(lines(fold([file('d/a'), symlink('l', '/d'), hardlink('b', 'l/a')])), [
    'b 1',
    'd/',
    'd/a = b',
    'l -> /d',
  ]);
});

test('a file that replaces one name of a file leaves the others alone', () => {
  const tree = fold([file('a'), hardlink('b', 'a')], [file('a', 2)]);
  assert.equal(lines(tree), ['a 2', 'b 1']);
});

test('a whiteout of one name leaves the others alone', () => {
  assert.equal(lines(fold([file('a'), hardlink('b', 'a')], [marker('.wh.a')])), ['b 1']);
});

test("a link's own attributes mean nothing", () => {
  const tree = fold([file('a', 1, { mode: 0o600 }), { ...hardlink('b', 'a') }]);
  assert.is(nodeAt(tree, 'b').attributes.mode, 0o600);
});

test('a link that a later entry of the same name replaces is nothing', () => {
  assert.equal(lines(fold([hardlink('b', 'nothing'), file('b', 2)])), ['b 2']);
});

test('a link to nothing, to a directory, to the root or to itself is refused', () => {
  assert.throws(() => fold([hardlink('b', 'a')]), refused);
  assert.throws(() => fold([dir('d'), hardlink('b', 'd')]), refused);
  assert.throws(() => fold([hardlink('b', '/')]), refused);
  assert.throws(() => fold([hardlink('b', 'b')]), refused);
  assert.throws(() => fold([hardlink('b', 'c'), hardlink('c', 'b')]), refused);
  assert.throws(() => fold([file('a')], [marker('.wh.a'), hardlink('b', 'a')]), refused);
});

test.run();

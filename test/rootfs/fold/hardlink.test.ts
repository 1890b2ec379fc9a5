import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { applyLayer } from '../../../src/rootfs/fold/apply.ts';
import { Tree } from '../../../src/rootfs/tree.ts';
import { dir, file, fold, hardlink, lines, marker, nodeAt, symlink, tolerated } from '../../support/image/layer.ts';

const test = suite('rootfs/fold/hardlink');

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

test('the attributes of the link entry are ignored', () => {
  const tree = fold([file('a', 1, { mode: 0o600 }), { ...hardlink('b', 'a') }]);
  assert.is(nodeAt(tree, 'b').attributes.mode, 0o600);
});

test('a link that a later entry of the same name replaces is dropped', () => {
  assert.equal(lines(fold([hardlink('b', 'nothing'), file('b', 2)])), ['b 2']);
});

test('a link to a missing file, to a directory, to the root or to itself is refused', () => {
  assert.throws(() => fold([hardlink('b', 'a')]), refused);
  assert.throws(() => fold([dir('d'), hardlink('b', 'd')]), refused);
  assert.throws(() => fold([hardlink('b', '/')]), refused);
  assert.throws(() => fold([hardlink('b', 'b')]), refused);
  assert.throws(() => fold([hardlink('b', 'c'), hardlink('c', 'b')]), refused);
  assert.throws(() => fold([file('a')], [marker('.wh.a'), hardlink('b', 'a')]), refused);
});

/** A lower layer, and the entries that the layer of the link has for the target `p/a`. */
const LOWER = [dir('p'), file('p/a', 7), dir('q')];
const STEPS = {
  link: () => hardlink('q/n', 'p/a'),
  chain: () => hardlink('q/o', 'q/n'),
  new: () => file('p/a', 9),
  whiteout: () => marker('p/.wh.a'),
  opaque: () => marker('p/.wh..wh..opq'),
  'parent whiteout': () => marker('.wh.p'),
  'parent file': () => file('p', 3),
} as const;
type Step = keyof typeof STEPS;

/**
 * Returns the file that a reader has in `q/n` at the end if it applies one entry after the other; undefined where a
 * link finds no target. Markers hide files of the lower layer only, and a link waits for a target that comes later.
 */
function inOrder(steps: readonly Step[]): number | undefined {
  let target: { readonly size: number; readonly own: boolean } | undefined = { size: 7, own: false };
  let bound: number | undefined;
  for (const step of steps) {
    if (step === 'link') bound = target?.size;
    else if (step === 'new') target = { size: 9, own: true };
    else if (step === 'parent file') target = undefined;
    else if (step !== 'chain' && target?.own === false) target = undefined;
  }
  return bound ?? target?.size;
}

function permutations(steps: readonly Step[]): readonly (readonly Step[])[] {
  if (steps.length < 2) return [steps];
  return steps.flatMap((step, index) => permutations(steps.toSpliced(index, 1)).map((rest) => [step, ...rest]));
}

test('a link is bound to its target at the time of its entry, in every order of the other entries', () => {
  const others = Object.keys(STEPS).filter((step): step is Step => step !== 'link');
  let tried = 0;
  for (const [index, one] of others.entries()) {
    for (const other of [undefined, ...others.slice(index + 1)]) {
      for (const steps of permutations(['link', one, ...(other === undefined ? [] : [other])])) {
        // A file replaces the parent of a later file: this does not concern links
        if (steps.indexOf('parent file') !== -1 && steps.indexOf('new') > steps.indexOf('parent file')) continue;
        const entries = steps.map((step) => STEPS[step]());
        const expected = inOrder(steps);
        const text = steps.join(', ');
        tried += 1;
        if (expected === undefined) {
          assert.throws(() => fold(LOWER, entries), refused, text);
          continue;
        }
        const node = nodeAt(fold(LOWER, entries), 'q/n');
        assert.is(node.kind === 'file' && node.size, expected, text);
      }
    }
  }
  assert.ok(tried > 90);
});

test('links exchange files of a lower layer', () => {
  const tree = fold([file('a', 1), file('b', 2)], [hardlink('t', 'a'), hardlink('a', 'b'), hardlink('b', 't')]);
  assert.equal(lines(tree), ['a 2', 'b 1', 't = b']);
});

test('a link that a later entry replaces does not make a new file of the lower one', () => {
  const tree = fold([file('a', 1)], [hardlink('n', 'a'), file('n', 2)]);
  assert.is(nodeAt(tree, 'a').layer, 0);
});

test('a marker behind a link is not seen through a directory that an earlier marker emptied', () => {
  assert.throws(() => fold(LOWER, [marker('p/.wh.a'), hardlink('q/n', 'p/a'), marker('.wh.p')]), refused);
});

test('a link that is bound to a lower file gives this file no second name in the layer', () => {
  const tree = new Tree();
  const counts = tolerated();
  for (const [ordinal, layer] of [LOWER, [hardlink('q/n', 'p/a'), file('p/a', 9)]].entries()) {
    applyLayer(tree, { entries: layer, ordinal }, counts);
  }
  assert.equal([...counts.counts], []);
});

test.run();

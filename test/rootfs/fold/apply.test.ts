import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { applyLayer } from '../../../src/rootfs/fold/apply.ts';
import type { LayerEntry } from '../../../src/rootfs/fold/outcome.ts';
import { Tree } from '../../../src/rootfs/tree.ts';
import { dir, entry, file, fold, hardlink, lines, nodeAt, symlink, tolerated } from '../../support/image/layer.ts';

const test = suite('rootfs/fold/apply');

const refused = (code: string) => (error: unknown) => error instanceof TsimgError && error.code === code;

test('names mean the same with ./, /, doubled and trailing slashes', () => {
  const tree = fold([dir('./'), dir('./a/'), file('/a/b'), file('a//c'), file('./a/./d'), file('a/e/')]);
  assert.equal(lines(tree), ['a/', 'a/b 1', 'a/c 1', 'a/d 1', 'a/e 1']);
});

test('.. in a name ends at the root, and is counted', () => {
  const counts = tolerated();
  const tree = new Tree();
  applyLayer(tree, { entries: [file('../../etc/passwd'), file('a/../b')], ordinal: 0 }, counts);
  assert.equal(lines(tree), ['b 1', 'etc/', 'etc/passwd 1']);
  assert.is(counts.counts.get('climbing-names'), 2);
});

test('names stay bytes: names that are no UTF-8 are kept, and bytes decide the order', () => {
  assert.equal(lines(fold([file('\xff\xfe'), file('\xc3\xa4'), file('z')])), ['z 1', '\xc3\xa4 1', '\xff\xfe 1']);
});

test('a name with NUL, of more than 255 bytes, or in a path of more than 4095 is refused', () => {
  for (const name of ['a\0b', 'x'.repeat(256), `${'d/'.repeat(2100)}f`]) {
    assert.throws(() => fold([file(name)]), refused('LAYER_INVALID'));
  }
  assert.is(lines(fold([file('x'.repeat(255))])).length, 1);
});

test('names of properties of JavaScript objects are names like any other', () => {
  assert.equal(lines(fold([file('__proto__/constructor'), file('toString')])).length, 3);
});

test('parents that no layer has are 0755, root, dated the epoch', () => {
  const implied = nodeAt(fold([file('a/b', 1, { uid: 5, mode: 0o600 })]), 'a');
  const { mode, uid, gid, mtime } = implied.attributes;
  assert.equal({ mode, uid, gid, mtime }, { mode: 0o755, uid: 0, gid: 0, mtime: { seconds: 0, nanoseconds: 0 } });
});

test('a parent that comes after its child in the layer gets the attributes of its entry', () => {
  assert.is(nodeAt(fold([file('a/b'), dir('a', { mode: 0o700 })]), 'a').attributes.mode, 0o700);
});

test('an implied parent that a lower layer has keeps its attributes', () => {
  assert.is(nodeAt(fold([dir('a', { mode: 0o700 })], [file('a/b')]), 'a').attributes.mode, 0o700);
});

test("an entry for the root sets the root's attributes", () => {
  for (const name of ['./', '/', '.', '']) {
    assert.is(fold([dir(name, { mode: 0o555, uid: 3 })]).root.attributes.mode, 0o555);
  }
});

test('CVE-2021-29136: the root is always a directory', () => {
  for (const name of ['.', '/', './', 'a/..']) {
    assert.throws(() => fold([symlink(name, '/etc')]), refused('LAYER_INVALID'));
    assert.throws(() => fold([file(name)]), refused('LAYER_INVALID'));
    assert.throws(() => fold([hardlink(name, 'x'), file('x')]), refused('LAYER_INVALID'));
  }
});

test('a directory over a directory sets its attributes and keeps its children', () => {
  const tree = fold([dir('d'), file('d/a')], [dir('d', { mode: 0o711 })]);
  assert.equal(lines(tree), ['d/', 'd/a 1']);
  assert.is(nodeAt(tree, 'd').attributes.mode, 0o711);
});

test('a file over a directory removes it with everything beneath it', () => {
  assert.equal(lines(fold([dir('d'), file('d/a/b')], [file('d', 2)])), ['d 2']);
});

test('a directory replaces a file or a symlink', () => {
  assert.equal(lines(fold([file('f'), symlink('l', 't'), dir('t')], [dir('f'), dir('l')])), ['f/', 'l/', 't/']);
});

test('CVE-2026-33056: a directory over a symlink leaves the target of the symlink alone', () => {
  const tree = fold([dir('t', { mode: 0o700 }), symlink('l', 't')], [dir('l', { mode: 0o777 })]);
  assert.is(nodeAt(tree, 't').attributes.mode, 0o700);
});

test('a symlink or device replaces any node', () => {
  const device = entry('character-device', 'c', { deviceMajor: 1, deviceMinor: 3 });
  assert.equal(lines(fold([dir('d/x'), file('c')], [symlink('d', 'y'), device])), ['c character-device 1:3', 'd -> y']);
});

test('a path below a symlinked parent goes where the link leads inside the root', () => {
  const base = [dir('usr/bin'), symlink('bin', 'usr/bin'), symlink('sbin', '/usr/bin'), symlink('usr/up', '../../..')];
  const tree = fold(base, [file('bin/a'), file('sbin/b'), file('usr/up/c')]);
  assert.equal(
    lines(tree).filter((line) => line.endsWith('1')),
    ['c 1', 'usr/bin/a 1', 'usr/bin/b 1'],
  );
});

test('the target of a symlinked parent is made where it is missing', () => {
  const tree = fold([symlink('var/run', '/run')], [file('var/run/x.pid')]);
  assert.equal(lines(tree), ['run/', 'run/x.pid 1', 'var/', 'var/run -> /run']);
});

test('tar-fs CVE-2024-12905: a link to . and a link through it stay inside', () => {
  const tree = fold([symlink('x', '.'), symlink('x/y', '..'), file('x/y/z')]);
  assert.equal(lines(tree), ['x -> .', 'y -> ..', 'z 1']);
});

test('symlinks that lead in circles are refused', () => {
  assert.throws(() => fold([symlink('a', 'b'), symlink('b', 'a'), file('a/x')]), refused('LAYER_INVALID'));
});

test('a path may cross 40 symlinks and no more', () => {
  const chain = (length: number) => Array.from({ length }, (_, index) => symlink(`l${index}`, `l${index + 1}`));
  assert.is(lines(fold([...chain(40), dir('l40'), file('l0/x')])).at(-1), 'l9 -> l10');
  assert.throws(() => fold([...chain(41), dir('l41'), file('l0/x')]), refused('LAYER_INVALID'));
});

test('a few links cannot make a path take endless steps', () => {
  // Each link takes 1,600 steps down and up again.
  const chain = (length: number) =>
    Array.from({ length }, (_, index) => symlink(`l${index}`, `${'d/../'.repeat(800)}l${index + 1}`));
  fold([dir('d'), ...chain(5), dir('l5'), file('l0/x')]);
  assert.throws(() => fold([dir('d'), ...chain(6), dir('l6'), file('l0/x')]), refused('LAYER_INVALID'));
});

test('an entry beneath a file is refused', () => {
  assert.throws(
    () => fold([file('a')], [file('a/b')]),
    (error: unknown) => error instanceof TsimgError && error.why === 'a is not a directory',
  );
});

test('of two entries with one name in a layer the last wins, and the other is counted', () => {
  const counts = tolerated();
  const tree = new Tree();
  applyLayer(
    tree,
    { entries: [file('a', 1), file('a', 2), dir('d', { mode: 0o700 }), dir('d', { mode: 0o711 })], ordinal: 0 },
    counts,
  );
  assert.equal(lines(tree), ['a 2', 'd/']);
  assert.is(nodeAt(tree, 'd').attributes.mode, 0o711);
  assert.is(counts.counts.get('duplicate-names'), 1);
});

test('links cannot nest directories more deeply than a path on Linux can be', () => {
  const deep = 'd/'.repeat(1500);
  const layer = [symlink('l', deep), file(`l/${deep}x`)];
  assert.throws(() => fold([dir(deep)], layer), refused('LIMIT_EXCEEDED'));
});

test('a path has no more names than the limit allows, whichever way leads there', () => {
  const apply = (...layers: readonly (readonly LayerEntry[])[]) => {
    const tree = new Tree({ maxDepth: 3 });
    layers.forEach((layer, index) => {
      applyLayer(tree, { entries: layer, ordinal: index }, tolerated());
    });
  };
  apply([file('a/b/c'), dir('d/e/f'), symlink('l', 'a/b'), file('l/x')]);
  for (const entry of [file('a/b/c/d'), dir('a/b/c/d'), symlink('a/b/c/d', 'x')]) {
    assert.throws(() => apply([entry]), refused('LIMIT_EXCEEDED'));
  }
  // The path of the link itself is short; the path that it leads to counts.
  assert.throws(() => apply([dir('a/b/c'), symlink('l', 'a/b/c')], [file('l/x')]), refused('LIMIT_EXCEEDED'));
});

test('by default a path has 512 names at most', () => {
  fold([file(`${'d/'.repeat(511)}x`)]);
  assert.throws(() => fold([file(`${'d/'.repeat(512)}x`)]), refused('LIMIT_EXCEEDED'));
});

test('the names of a tree are limited, implied directories included', () => {
  const layer = [file('a/b/c/d')];
  assert.throws(
    () => applyLayer(new Tree({ maxEntries: 3 }), { entries: layer, ordinal: 0 }, tolerated()),
    refused('LIMIT_EXCEEDED'),
  );
  applyLayer(new Tree({ maxEntries: 4 }), { entries: layer, ordinal: 0 }, tolerated());
});

test('a symlink with an empty target, NUL or more than 4095 bytes is refused', () => {
  for (const target of ['', 'a\0b', 'x'.repeat(4096)]) {
    assert.throws(() => fold([symlink('l', target)]), refused('LAYER_INVALID'));
  }
});

test("a symlink's target is kept as it is", () => {
  assert.equal(lines(fold([symlink('l', '/../..//etc/./x/')])), ['l -> /../..//etc/./x/']);
});

test('an owner that Linux does not have, or a device number, is refused', () => {
  assert.throws(() => fold([file('a', 1, { uid: 0xffffffff })]), refused('LAYER_INVALID'));
  assert.throws(() => fold([file('a', 1, { gid: -1 })]), refused('LAYER_INVALID'));
  for (const numbers of [{ deviceMajor: 4096 }, { deviceMinor: 2 ** 20 }]) {
    assert.throws(() => fold([entry('block-device', 'b', numbers)]), refused('LAYER_INVALID'));
  }
  const last = { uid: 0xfffffffe, gid: 0xfffffffe };
  fold([entry('character-device', 'c', { ...last, deviceMajor: 4095, deviceMinor: 2 ** 20 - 1 })]);
});

/** Small, fast and the same everywhere (mulberry32). */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

test('the shortcut for entries in the directory of the previous one gives the same tree', () => {
  const results = new Map<string, number>();
  for (let seed = 0; seed < 4000; seed += 1) {
    const random = randomOf(seed);
    const name = () => ['a', 'a', 'a', 'b', 'b', 'b', 'c', 'c', '..'][random(9)] ?? 'a';
    const path = () => Array.from({ length: 1 + random(3) }, name).join('/');
    const target = () => ['.', '..', 'a', 'a/b', '/a', 'b/..', '/c/b/..', 'a/a/..'][random(8)] ?? '.';
    let last = '';
    const entries = Array.from({ length: 3 + random(9) }, () => {
      last = random(3) === 0 ? path() : `${last.slice(0, last.lastIndexOf('/') + 1)}${name()}`;
      switch (random(6)) {
        case 0:
          return dir(last);
        case 1:
          return symlink(last, target());
        case 2:
          return hardlink(last, path());
        default:
          return file(last, 1 + random(1000));
      }
    });
    const spelt = entries.map(({ header, body }, index) => {
      return { header: { ...header, path: `${'./'.repeat(1 + index)}${header.path}` }, body };
    });
    const outcome = (list: typeof entries): string => {
      try {
        return lines(fold(list.slice(0, 2), list.slice(2))).join('\n');
      } catch (error) {
        return error instanceof TsimgError ? error.code : String(error);
      }
    };
    const found = outcome(entries);
    assert.is(found, outcome(spelt), `seed ${seed}: ${entries.map(({ header }) => `${header.kind} ${header.path}`)}`);
    const kind = found.includes(' ') ? 'tree' : found;
    results.set(kind, (results.get(kind) ?? 0) + 1);
  }
  assert.ok((results.get('tree') ?? 0) > 500 && (results.get('LAYER_INVALID') ?? 0) > 500, String([...results]));
});

test('the shortcut is not taken where the previous entry replaced a part of the path', () => {
  for (const entries of [
    [dir('a/b'), symlink('x', 'a/b/..'), file('x/f'), file('x/b'), file('x/g')],
    [symlink('a/l', '.'), file('a/l/f'), file('a/l/l'), file('a/l/g')],
  ]) {
    assert.throws(() => fold(entries), refused('LAYER_INVALID'));
  }
});

test.run();

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Change } from '../../../src/rootfs/plan/change.ts';
import { planFlat } from '../../../src/rootfs/plan/plan-flat.ts';
import { dir, entry, file, fold, hardlink, marker, symlink } from '../../support/image/layer.ts';

const test = suite('rootfs/plan/plan-flat');

const names = (changes: Iterable<Change>) => [...changes].map(({ kind, path }) => `${kind} ${path || '.'}`);

test('parents come before their children, and get their attributes after them, the root last', () => {
  const tree = fold([file('b/c/d'), file('a'), dir('b', { mode: 0o555 })]);
  assert.equal(names(planFlat(tree)), [
    'file a',
    'directory b',
    'directory b/c',
    'file b/c/d',
    'attributes b/c',
    'attributes b',
    'attributes .',
  ]);
});

test('names are in byte order, whatever order the layers had', () => {
  const one = names(planFlat(fold([file('b'), file('a\xff'), file('a.b'), file('a/x'), file('B')])));
  const other = names(planFlat(fold([file('a/x'), file('B')], [file('a.b'), file('a\xff'), file('b')])));
  assert.equal(one, other);
  assert.equal(one[0], 'file B');
});

test('the first name of a file is the file, each further one a hard link to it', () => {
  const tree = fold([file('z', 3), hardlink('a/y', 'z'), symlink('s', 'z'), hardlink('t', 's')]);
  const changes = [...planFlat(tree)].filter(({ kind }) => kind !== 'attributes' && kind !== 'directory');
  assert.equal(
    changes.map((change) => [change.kind, change.path, change.kind === 'hardlink' ? change.target : '']),
    [
      ['file', 'a/y', ''],
      ['symlink', 's', ''],
      ['hardlink', 't', 's'],
      ['hardlink', 'z', 'a/y'],
    ],
  );
});

test('a file that a higher layer hides is never made, its body never placed', () => {
  const hidden = file('a', 9);
  const kept = file('a', 8);
  const changes = [...planFlat(fold([hidden, file('b')], [kept, marker('.wh.b')]))];
  const sources = changes.flatMap((change) => (change.kind === 'file' ? [change.source] : []));
  assert.equal(sources, [{ from: 'pool', body: kept.body }]);
});

test('an empty file needs no body', () => {
  const [change] = planFlat(fold([marker('a')]));
  assert.is(change?.kind === 'file' && change.source, undefined);
});

test('devices keep their numbers', () => {
  const [change] = planFlat(fold([entry('block-device', 'sda', { deviceMajor: 8, deviceMinor: 1 })]));
  assert.ok(change?.kind === 'block-device' && change.major === 8 && change.minor === 1);
});

test.run();

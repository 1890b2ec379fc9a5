import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createWriter } from '../../../src/disk/write/writer.ts';
import { TsimgError } from '../../../src/errors.ts';
import { childPath, ROOT_PATH, type RootfsPath } from '../../../src/rootfs/path.ts';
import type { Change } from '../../../src/rootfs/plan/change.ts';
import { tolerated } from '../../support/image/layer.ts';
import { tempDir } from '../../support/temp-dir.ts';

// The second wall: the disk differs from the tree, which only a fault or an intruder can bring about.
const test = suite('disk/write/writer');

const attributes = { mode: 0o644, uid: 0, gid: 0, mtime: { seconds: 1, nanoseconds: 0 }, xattrs: new Map() };

function pathOf(text: string): RootfsPath {
  return text.split('/').reduce(childPath, ROOT_PATH);
}

/** Performs changes in `root` below a fresh folder; returns the folder. */
function perform(changes: readonly Change[], prepare: (here: string) => void = () => {}): string {
  const here = tempDir();
  mkdirSync(join(here, 'root'));
  mkdirSync(join(here, 'pool'));
  writeFileSync(join(here, 'pool', '0'), 'body');
  writeFileSync(join(here, 'canary'), 'alive');
  prepare(here);
  const [root, pool] = ['root', 'pool'].map((name) =>
    openSync(join(here, name), constants.O_RDONLY | constants.O_DIRECTORY),
  );
  assert.ok(root !== undefined && pool !== undefined);
  const writer = createWriter({
    root,
    pool: { directory: pool },
    form: { ownership: 'record' },
    tolerated: tolerated(),
  });
  try {
    for (const change of changes) writer.perform(change);
  } finally {
    writer.close();
    closeSync(root);
    closeSync(pool);
    assert.is(readFileSync(join(here, 'canary'), 'utf8'), 'alive');
  }
  return here;
}

const file = (path: string, stored = true): Change => ({
  kind: 'file',
  path: pathOf(path),
  attributes,
  source: stored ? { from: 'pool', body: { bucket: undefined, name: '0' } } : undefined,
});

const refused = (errno: string) => (error: unknown) =>
  error instanceof TsimgError && error.code === 'FILESYSTEM' && error.facts.errno === errno;

test('a directory that is a symlink on the disk is not entered', () => {
  assert.throws(() => perform([file('l/new')], (here) => symlinkSync('..', join(here, 'root/l'))), refused('ENOTDIR'));
});

test('an existing file of the name is neither replaced nor written to', () => {
  const taken: readonly Change[] = [
    file('x'),
    file('x', false),
    { kind: 'directory', path: pathOf('x') },
    { kind: 'symlink', path: pathOf('x'), attributes, target: 'y' },
    { kind: 'fifo', path: pathOf('x'), attributes, major: 0, minor: 0 },
    { kind: 'hardlink', path: pathOf('x'), target: pathOf('x') },
    { kind: 'whiteout', path: pathOf('x') },
  ];
  for (const change of taken) {
    assert.throws(() => perform([change], (here) => symlinkSync('../canary', join(here, 'root/x'))), refused('EEXIST'));
    assert.throws(() => perform([change], (here) => writeFileSync(join(here, 'root/x'), 'z')), refused('EEXIST'));
  }
});

test('a body can be placed once', () => {
  const here = perform([file('x')]);
  assert.equal(readdirSync(join(here, 'pool')), []);
  assert.is(readFileSync(join(here, 'root/x'), 'utf8'), 'body');
  assert.throws(() => perform([file('x'), file('y')]), refused('ENOENT'));
});

test('a bucket becomes a directory; a file in it is moved only where its first name is another one', () => {
  const bucket = { name: 'd1', files: 4 };
  const pooled = (path: string, name: string): Change => ({
    kind: 'file',
    path: pathOf(path),
    attributes,
    source: { from: 'pool', body: { bucket, name } },
  });
  const changes: readonly Change[] = [
    { kind: 'directory', path: pathOf('a') },
    pooled('a/early', 'c'),
    { kind: 'directory', path: pathOf('b'), bucket },
    { kind: 'directory', path: pathOf('b/A') },
    pooled('b/A/other', 'b'),
    pooled('b/A0', 'a'),
    { kind: 'hardlink', path: pathOf('b/a'), target: pathOf('b/A0') },
    { kind: 'hardlink', path: pathOf('b/b'), target: pathOf('b/A/other') },
    { kind: 'hardlink', path: pathOf('b/c'), target: pathOf('a/early') },
    pooled('b/d', 'd'),
    { kind: 'attributes', path: pathOf('b'), attributes: { ...attributes, mode: 0o751 } },
  ];
  const here = perform(changes, (folder) => {
    mkdirSync(join(folder, 'pool', 'd1'), { mode: 0o700 });
    for (const name of ['a', 'b', 'c', 'd']) writeFileSync(join(folder, 'pool', 'd1', name), `content of ${name}`);
  });
  assert.equal(readdirSync(join(here, 'pool')), ['0']);
  const root = join(here, 'root');
  assert.equal(readdirSync(join(root, 'b')).sort(), ['A', 'A0', 'a', 'b', 'c', 'd']);
  assert.equal(
    ['b/A0', 'b/a', 'b/b', 'b/A/other', 'b/c', 'a/early', 'b/d'].map((path) => readFileSync(join(root, path), 'utf8')),
    ['a', 'a', 'b', 'b', 'c', 'c', 'd'].map((name) => `content of ${name}`),
  );
  assert.is(lstatSync(join(root, 'b')).mode & 0o777, 0o751);
});

test('a bucket replaces no file or directory', () => {
  const bucket = { name: 'd1', files: 0 };
  const change: Change = { kind: 'directory', path: pathOf('x'), bucket };
  const prepare = (there: (path: string) => void) => (here: string) => {
    mkdirSync(join(here, 'pool', 'd1'));
    there(join(here, 'root/x'));
  };
  for (const there of [
    mkdirSync,
    (path: string) => symlinkSync('..', path),
    (path: string) => writeFileSync(path, ''),
  ]) {
    assert.throws(() => perform([change], prepare(there)), refused('EEXIST'));
  }
});

test('a link to a directory far away does not leave the current directory', () => {
  const changes: readonly Change[] = [
    { kind: 'directory', path: pathOf('a') },
    { kind: 'directory', path: pathOf('a/b') },
    file('a/b/x'),
    { kind: 'directory', path: pathOf('c') },
    { kind: 'hardlink', path: pathOf('c/y'), target: pathOf('a/b/x') },
    file('c/z', false),
  ];
  const here = perform(changes);
  assert.is(lstatSync(join(here, 'root/a/b/x')).ino, lstatSync(join(here, 'root/c/y')).ino);
  assert.is(lstatSync(join(here, 'root/c/z')).size, 0);
});

test.run();

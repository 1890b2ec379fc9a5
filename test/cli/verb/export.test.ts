import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAIN, tsimg } from '../../support/command/tsimg.ts';
import { ORDINARY } from '../../support/host/as-user.ts';
import { quirksLayout } from '../../support/image/quirks-layout.ts';
import { differences, snapshot } from '../../support/image/tree-snapshot.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveRoot, haveTools } from '../../support/tools.ts';

const test = suite('cli/verb/export');

function exported(source: string, file: string, user?: { readonly uid: number; readonly gid: number }): Buffer {
  const run = tsimg(['export', '-q', source, file], {
    env: { TMPDIR: tempDir(0o777), TSIMG_ROOT: '/nonexistent' },
    ...(user && { user }),
  });
  assert.is(run.status, 0, run.stderr);
  return readFileSync(file);
}

test('GNU tar and bsdtar extract the archive to the tree that unpack makes', () => {
  if (!haveRoot() || !haveTools('bsdtar')) return;
  const here = tempDir();
  const source = quirksLayout(here);
  const archive = join(here, 'x.tar');
  exported(source, archive);
  assert.is(tsimg(['unpack', '-q', source, join(here, 'tsimg')]).status, 0);
  const expected = snapshot(join(here, 'tsimg'));
  assert.is(expected.get('data/su')?.links, 3n);
  const tools: Readonly<Record<string, readonly string[]>> = {
    tar: ['--numeric-owner', '--xattrs', '--xattrs-include=*', '-pxf'],
    bsdtar: ['--numeric-owner', '-pxf'],
  };
  for (const [tool, options] of Object.entries(tools)) {
    const to = join(here, tool);
    mkdirSync(to);
    execFileSync(tool, [...options, archive, '-C', to], { stdio: 'pipe' });
    // libarchive reads -1.5 seconds as -0.5, and does not set the time of the directory that it extracts into.
    const known = /^(\.|data\/named): mtime/;
    const found = differences(snapshot(to), expected).filter((line) => tool !== 'bsdtar' || !known.test(line));
    assert.equal(found, [], tool);
  }
});

test('the bytes are the same on every run, to a file or a pipe, for root and for an ordinary user', () => {
  const here = tempDir(0o777);
  const source = quirksLayout(here);
  const first = exported(source, join(here, '1.tar'));
  assert.ok(first.length > 70_000);
  assert.ok(exported(source, join(here, '2.tar')).equals(first), 'again');
  const piped = spawnSync(process.execPath, [MAIN, 'export', '-q', source, '-'], { maxBuffer: 1e8 });
  assert.ok(piped.stdout.equals(first), 'to a pipe');
  if (!haveRoot()) return;
  const user = { uid: ORDINARY, gid: ORDINARY };
  assert.ok(exported(source, join(here, '3.tar'), user).equals(first), 'as an ordinary user');
});

test('names are sorted, and whiteouts are left out', () => {
  const here = tempDir();
  exported(quirksLayout(here), join(here, 'x.tar'));
  const names = execFileSync('tar', ['--quoting-style=literal', '-tf', join(here, 'x.tar')], { encoding: 'utf8' })
    .trim()
    .split('\n');
  assert.equal(names.slice(0, 4), ['./', 'data/', 'data/empty', 'data/named']);
  assert.equal(
    names.filter((name) => name.includes('.wh.') || name.startsWith('data/gone')),
    [],
  );
  assert.ok(names.includes('hidden/upper') && !names.includes('hidden/lower'));
});

test('a failure leaves an existing file as it was, and no temporary files', () => {
  const here = tempDir();
  const source = quirksLayout(here, {
    config: { rootfs: { type: 'layers', diff_ids: [1, 2].map(() => `sha256:${'0'.repeat(64)}`) } },
  });
  const file = join(here, 'x.tar');
  const temporary = tempDir();
  writeFileSync(file, 'before');
  assert.is(tsimg(['export', source, file], { env: { TMPDIR: temporary } }).status, 5);
  assert.is(readFileSync(file, 'utf8'), 'before');
  assert.equal([readdirSync(temporary), readdirSync(here).sort()], [[], ['layout', 'x.tar']]);
});

test('a directory that the user may not write in is refused before a layer is read', () => {
  if (!haveRoot()) return;
  const here = tempDir(0o755);
  const source = quirksLayout(here, {
    config: { rootfs: { type: 'layers', diff_ids: [1, 2].map(() => `sha256:${'0'.repeat(64)}`) } },
  });
  const options = { user: { uid: ORDINARY, gid: ORDINARY }, cwd: '/' };
  const { status, stderr } = tsimg(['export', source, join(here, 'x.tar')], options);
  assert.is(status, 1);
  assert.match(stderr, /cannot write an archive \(.*x\.tar\): permission is denied; check its owner and mode/);
});

test('an archive is not written to a terminal, and not to two files', () => {
  const here = tempDir();
  const source = quirksLayout(here);
  assert.is(tsimg(['export', '-o', join(here, 'a'), source, join(here, 'b')]).status, 2);
  assert.not(existsSync(join(here, 'a')));
  if (!haveTools('script')) return;
  const typed = spawnSync('script', ['-qec', `'${process.execPath}' '${MAIN}' export '${source}'`, '/dev/null'], {
    encoding: 'utf8',
  });
  assert.is(typed.status, 2, typed.stdout);
  assert.match(typed.stdout, /terminal/);
});

test.run();

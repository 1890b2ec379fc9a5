import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAIN, tsimg } from '../../support/command/tsimg.ts';
import { tempDir } from '../../support/temp-dir.ts';

const test = suite('cli/verb/author');

const folder = tempDir();
const env = { TSIMG_ROOT: join(folder, 'store'), HOME: folder, SOURCE_DATE_EPOCH: '86400' };
const call = (args: readonly string[], input?: Buffer) => tsimg(args, { cwd: folder, env, ...(input && { input }) });
const ok = (...args: readonly string[]) => {
  const { status, stdout, stderr } = call(args);
  assert.is(status, 0, stderr);
  return stdout;
};
mkdirSync(join(folder, 'tree'), { mode: 0o755 });
writeFileSync(join(folder, 'tree', 'file'), 'content');

test('pack, append and config print the image’s ID, and with --json where it is and what it is made of', () => {
  const id = ok('pack', '-q', 'tree', '-t', 'one:1', '-t', 'one:2', '--cmd', '["run"]').trim();
  const told = JSON.parse(ok('pack', '-q', '--json', 'tree', '-t', 'one:1', '--cmd', '["run"]'));
  assert.equal([told.id, told.names, told.layers.length], [id, ['docker.io/library/one:1'], 1]);
  const appended = JSON.parse(ok('append', '-q', '--json', 'one:2', 'tree', '--compression', 'none', '--owner', '5'));
  assert.is(appended.layers[1].mediaType, 'application/vnd.oci.image.layer.v1.tar');
  assert.match(ok('ls', '-l', appended.id), /5\/5 .* \/file/);
  assert.match(ok('config', '-q', 'one:1', '--env', 'A=1', '-o', 'oci:layout:1'), /^sha256:[0-9a-f]{64}\n$/);
  const [image] = JSON.parse(ok('inspect', 'oci:layout:1'));
  assert.equal([image.Config.Env, image.Config.Cmd, image.Created], [['A=1'], ['run'], '1970-01-02T00:00:00.000Z']);
});

test('a tar is packed from standard input', () => {
  const { stdout } = spawnSync('tar', ['-C', join(folder, 'tree'), '-cf', '-', '.']);
  const { status, stdout: id, stderr } = call(['pack', '-q', '-', '--compression', 'gzip'], stdout);
  assert.is(status, 0, stderr);
  assert.match(ok('ls', id.trim()), /\/file\n/);
});

test('a layer that does not fit on the disk is an error, and not a shorter layer', () => {
  // The last piece of the archive reaches over the bound of 1028 KiB.
  const size = 16 * 65_536 + 10_240;
  mkdirSync(join(folder, 'large'));
  writeFileSync(join(folder, 'large', 'file'), Buffer.alloc(size - 2048 - 10_240, 'x'));
  const tar = spawnSync('tar', ['-C', join(folder, 'large'), '-cf', '-', 'file'], { maxBuffer: 2 * size }).stdout;
  const packed = spawnSync(
    'bash',
    ['-c', 'ulimit -f 1028; exec "$@"', 'bash', process.execPath, MAIN, 'pack', '-q', '-', '--compression', 'none'],
    { env: { ...env, PATH: process.env.PATH }, input: tar, encoding: 'utf8', cwd: folder },
  );
  assert.is(packed.status, 1, packed.stdout);
  assert.match(packed.stderr, /^tsimg: .*file/);
});

test('--force replaces an archive', () => {
  const output = ['-o', 'oci-archive:forced.tar'];
  ok('pack', '-q', 'tree', ...output, '--concurrency', '1');
  assert.match(call(['pack', '-q', 'tree', ...output]).stderr, /--force/);
  ok('pack', '-q', 'tree', ...output, '--force');
  ok('append', '-q', 'one:1', 'tree', ...output, '-f');
  ok('config', '-q', 'one:1', ...output, '-f');
});

test('attach and delete follow the alias of a short name', () => {
  writeFileSync(join(folder, 'aliases.conf'), '[aliases]\n"short" = "127.0.0.1:1/long"\n');
  for (const args of [
    ['attach', 'short:1', 'tree/file'],
    ['delete', '-y', 'short:1'],
  ]) {
    const { stderr } = call([...args, '--registries-conf', 'aliases.conf', '--retry', '0']);
    assert.match(stderr, /127\.0\.0\.1:1/, args[0]);
  }
});

test('save stores layers as it is asked to', () => {
  ok('save', '-q', 'one:1', '--compression', 'none', '-o', 'saved.tar');
  const listed = spawnSync('tar', ['-xOf', join(folder, 'saved.tar'), 'manifest.json'], { encoding: 'utf8' });
  const [{ Layers: layers }] = JSON.parse(listed.stdout);
  const blob = spawnSync('tar', ['-xOf', join(folder, 'saved.tar'), layers[0]]).stdout;
  assert.is(blob.toString('latin1', 257, 262), 'ustar');
  assert.ok(readFileSync(join(folder, 'saved.tar')).length > 0);
});

test('what makes no sense is a usage error that names the option', () => {
  for (const [args, expected] of [
    [['pack', 'tree', '--owner', 'me'], /--owner/],
    [['pack', 'tree', '--clear', 'nonsense'], /--clear/],
    [['pack', 'tree', '--compression', 'xz'], /--compression/],
    [['pack', 'tree', '--compression', 'gzip', '--compression-level', '11'], /levels 0 to 9/],
    [['pack', 'tree', '--env', 'A'], /--env/],
    [['pack', 'tree', '--stop-signal', 'SIGNONE'], /SIGNONE/],
    [['pack', 'tree', '-t', 'a', '-o', 'oci:b'], /one place/],
    [['pack', 'tree', '-f'], /--force replaces an archive/],
    [['append', 'one:1'], /nothing to append/],
    [['copy', 'one:1', 'oci:x', '--compression-level', '3'], /--compression gzip/],
    [['attach', 'localhost:1/a:1', 'tree/file', '--annotation', 'x'], /--annotation/],
    [['attach', 'localhost:1/a:1', '/etc/hostname'], /leads out/],
  ] as const) {
    const { status, stderr } = call(args);
    assert.is(status, 2, `${args.join(' ')}: ${stderr}`);
    assert.match(stderr, expected);
    assert.is(stderr.trimEnd().split('\n').length, 1, stderr);
  }
});

test.run();

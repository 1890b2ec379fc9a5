import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keepEntries, readKeptEntries } from '../../src/disk/read/kept-entries.ts';
import { hexOf } from '../../src/oci/digest.ts';
import { makeContainerCli } from '../support/command/container-cli.ts';
import { defineRuns } from '../support/container/define-runs.ts';
import { failureOf } from '../support/failure-of.ts';
import { makeImage } from '../support/image/image.ts';
import { entry, hardlink } from '../support/image/layer.ts';
import { named, writeLayout } from '../support/image/layout.ts';
import { dir, file, symlink, hardlink as tarHardlink, tarOf, whiteout } from '../support/image/tar.ts';
import { tempDir } from '../support/temp-dir.ts';
import { findTool } from '../support/tools.ts';

const asRoot = suite('verbs/shared-base as root');
const asUser = suite('verbs/shared-base as an ordinary user');
const alone = suite('verbs/shared-base');

defineRuns(asRoot, asUser, (test, { user }) => {
  const cli = makeContainerCli(user);
  test.after(() => cli.clear());
  const busybox = readFileSync(findTool('busybox') ?? 'busybox');
  const base = tarOf(
    dir('bin'),
    file('bin/busybox', busybox, { mode: 0o755 }),
    ...['sh', 'cat', 'ls', 'stat'].map((name) => symlink(`bin/${name}`, 'busybox')),
    dir('data', { mode: 0o750 }),
    file('data/linked', 'of the base', { mode: 0o640 }),
    file('data/gone', 'x'),
    symlink('alias', 'data'),
  );
  const above = tarOf(whiteout('data/gone'), file('alias/new', 'above'), tarHardlink('data/second', 'data/linked'));
  const layout = (...layers: readonly Buffer[]) => {
    const { descriptor, blobs, diffIds } = makeImage({ layers });
    return { path: writeLayout(join(tempDir(0o755), 'image'), [named(descriptor, 'x')], blobs), base: diffIds[0] };
  };
  const run = (path: string) => {
    const look = 'ls /data; cat /data/new /data/second; stat -c %a /data; stat -c "%a %h" /data/second';
    return cli.run('run', '-q', '--rm', '--network', 'none', `oci:${path}`, 'sh', '-c', look);
  };
  const expected = 'linked\nnew\nsecond\naboveof the base750\n640 2\n';

  test('an unpacked base is not read again for another image on it', () => {
    const first = layout(base);
    assert.is(
      cli.ok('run', '-q', '--rm', '--network', 'none', `oci:${first.path}`, 'cat', '/data/linked'),
      'of the base',
    );
    const second = layout(base, above);
    if (second.base === undefined) throw new Error('no base');
    // Reading the base would fail, because its blob was removed.
    rmSync(join(second.path, 'blobs', 'sha256', hexOf(second.base)));
    const { status, stdout, stderr } = run(second.path);
    assert.is(status, 0, stderr);
    assert.is(stdout, expected);
  });

  test('the base is read again where its kept entries are damaged or gone', () => {
    const folder = join(cli.folder, '..', 'entries');
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
    assert.ok(files.length >= 2);
    for (const { parentPath, name } of files) writeFileSync(join(parentPath, name), 'damaged');
    const { status, stdout, stderr } = run(layout(base, above, tarOf(file('third', ''))).path);
    assert.is(status, 0, stderr);
    assert.is(stdout, expected);
    cli.ok('prune', '-a', '-f');
    assert.equal(
      readdirSync(folder, { recursive: true, withFileTypes: true }).filter((each) => each.isFile()),
      [],
    );
  });
});

alone('entries are kept as they are, but for bodies', async () => {
  const path = join(tempDir(), 'kept');
  const xattrs = new Map([['user.a', Buffer.from([0, 255])]]);
  const entries = [entry('file', 'caf\u00c3\u00a9/\u00ff', { size: 2 ** 40, xattrs }), hardlink('b', 'a')];
  keepEntries(path, entries);
  const kept = [...readKeptEntries(path)];
  assert.equal(
    kept,
    entries.map(({ header, body }) => ({ header, body: body && { bucket: undefined, name: '0' } })),
  );
  writeFileSync(path, readFileSync(path).subarray(0, -1));
  await failureOf(
    Promise.resolve().then(() => readKeptEntries(path)),
    'STORE_INVALID',
  );
});

asRoot.run();
asUser.run();
alone.run();

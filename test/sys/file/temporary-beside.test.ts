import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { syncDirectory } from '../../../src/sys/file/replace-text.ts';
import { openTemporaryBeside } from '../../../src/sys/file/temporary-beside.ts';
import { MAIN } from '../../support/command/tsimg.ts';
import { asIdentity, ORDINARY } from '../../support/host/as-user.ts';
import { makeImage } from '../../support/image/image.ts';
import { named, writeLayout } from '../../support/image/layout.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveRoot } from '../../support/tools.ts';

const test = suite('sys/file/temporary-beside');
const made = makeImage({ layers: [Buffer.alloc(5000, 1)] });

/** Whether a program can be run whose flock(2) fails. */
function canRefuseLocks(): boolean {
  if (spawnSync('strace', ['-f', '-e', 'trace=flock', 'true']).status === 0) return true;
  console.log('skipped: needs strace, and to be allowed to trace');
  return false;
}

if (canRefuseLocks()) {
  for (const errno of ['ENOSYS', 'EOPNOTSUPP', 'ENOLCK']) {
    test(`an archive and a layout are written where flock fails with ${errno}`, () => {
      const folder = tempDir();
      const from = writeLayout(join(folder, 'from'), [named(made.descriptor, 'app:1')], made.blobs);
      for (const to of ['oci-archive:out.tar:app:1', 'oci:out:app:1']) {
        const inject = ['-f', '-qq', '-o', '/dev/null', '-e', 'trace=flock', '-e', `inject=flock:error=${errno}`];
        const args = [...inject, process.execPath, MAIN, 'copy', `oci:${from}`, to];
        const { status, stderr } = spawnSync('strace', args, { cwd: folder, encoding: 'utf8' });
        assert.is(status, 0, stderr);
      }
      assert.equal(readdirSync(folder).sort(), ['from', 'out', 'out.tar']);
      assert.equal(readdirSync(join(folder, 'out')).sort(), ['blobs', 'index.json', 'oci-layout']);
    });
  }
}

if (haveRoot()) {
  test('a folder that may be written and not read takes a file', async () => {
    const above = tempDir();
    chmodSync(above, 0o755);
    const folder = join(above, 'drop');
    mkdirSync(folder);
    chownSync(folder, ORDINARY, ORDINARY);
    chmodSync(folder, 0o333);
    await asIdentity('ordinary user', async () => {
      const { handle } = await openTemporaryBeside(join(folder, 'a.tar'), 0o644);
      await handle.close();
      await syncDirectory(folder);
    });
    assert.is(readdirSync(folder).length, 1);
  });
}

test.run();

import { chmodSync, copyFileSync, lstatSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXAMPLE_IMAGE } from '../../support/checkout.ts';
import { makeContainerCli } from '../../support/command/container-cli.ts';
import { defineRuns } from '../../support/container/define-runs.ts';
import { tempDir } from '../../support/temp-dir.ts';

const asRoot = suite('cli/container/sharing as root');
const asUser = suite('cli/container/sharing as an ordinary user');

/** Returns bytes on disk, as du(1) counts them. */
function diskUsage(path: string): number {
  const status = lstatSync(path);
  const inside = status.isDirectory() ? readdirSync(path).map((name) => diskUsage(join(path, name))) : [];
  return inside.reduce((sum, bytes) => sum + bytes, status.blocks * 512);
}

/** The number of containers. Each one more takes the same space, so a few are enough. */
const SAMPLE = 5;
/** The most bytes of one container: twice the size of its record and directories. */
const OWN = 100 * 1024;

defineRuns(asRoot, asUser, (test, { user }) => {
  const cli = makeContainerCli(user);
  test.after(() => cli.clear());

  test('containers of an image share its files, and each has only few small files of its own', () => {
    const archive = join(tempDir(0o755), 'image.tar.gz');
    copyFileSync(EXAMPLE_IMAGE, archive);
    chmodSync(archive, 0o644);
    cli.ok('load', '-i', archive);
    const root = dirname(cli.folder);
    const run = () =>
      cli.ok(
        'run',
        '--network',
        'none',
        'tsimg/example',
        'sh',
        '-c',
        'echo mine > /mine; cat /bin/busybox > /dev/null',
      );
    run();
    const layers = diskUsage(join(root, 'layers'));
    assert.ok(layers > 20 * OWN, `the image must be larger than what is measured: ${layers}`);
    for (let count = 1; count < SAMPLE; count += 1) run();
    assert.is(diskUsage(join(root, 'layers')), layers);
    const each = cli.directories().map((id) => diskUsage(join(cli.folder, id)));
    assert.is(each.length, SAMPLE);
    for (const bytes of each) assert.ok(bytes < OWN, `${bytes} bytes`);
  });
});

asRoot.run();
asUser.run();

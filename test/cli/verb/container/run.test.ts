import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { tsimg } from '../../../support/command/tsimg.ts';
import { makeBusyboxRootfs } from '../../../support/container/busybox-rootfs.ts';
import { tempDir } from '../../../support/temp-dir.ts';
import { haveRoot, haveTools } from '../../../support/tools.ts';

const test = suite('cli/verb/container/run');
const ready = haveTools('busybox', 'unshare', 'setpriv') && haveRoot();
const run = ready ? test : test.skip;
const rootfs = ready ? makeBusyboxRootfs(tempDir(0o755)) : '';

run('--dry-run does nothing and leaves the operand alone; with --json it prints the plan as data', () => {
  const text = tsimg(['run', '--network', 'none', '--dry-run', rootfs, '/bin/sh', '-c', 'echo x > /made']);
  assert.is(text.status, 0, text.stderr);
  assert.match(text.stdout, /^namespaces mount pid ipc uts network$/m);
  assert.match(text.stdout, /\nexec \/bin\/sh -c 'echo x > \/made'\n$/);
  const json = tsimg(['run', '--network', 'none', '--dry-run', '--json', rootfs, 'ls', '--dry-run']);
  assert.equal(JSON.parse(json.stdout).command.args, ['ls', '--dry-run']);
  assert.not.ok(existsSync(join(rootfs, 'made')));
});

run('--explain tells the steps on stderr and runs the command; with --dry-run it only tells them, on stdout', () => {
  const ran = tsimg(['run', '--network', 'none', '--explain', rootfs, 'echo', 'ran']);
  assert.equal([ran.status, ran.stdout], [0, 'ran\n'], ran.stderr);
  assert.match(ran.stderr, /^unshare --mount --pid --ipc --uts --net --fork/m);
  const told = tsimg(['run', '--network', 'none', '--explain', '--dry-run', rootfs, 'echo', 'ran']);
  assert.is(told.status, 0, told.stderr);
  assert.match(told.stdout, /^pivot_root ROOT$/m);
  assert.not.match(told.stdout, /^ran$/m);
});

test.run();

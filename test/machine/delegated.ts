import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { defineRuns } from '../support/define-runs.ts';
import { stateRootOf } from '../support/state-root.ts';
import { findTool } from '../support/tools.ts';
import { MAIN } from '../support/tsimg.ts';
import { delegate } from './delegate.ts';

// An ordinary user with a delegated cgroup of version 2, as in a session of systemd. Run on a
// kernel of its own by test/host/cgroup/cgroup2-devices.test.ts.

const asRoot = suite('machine/delegated');
const asUser = suite('machine/delegated as an ordinary user');

defineRuns(asRoot, asUser, (test, { sh, user, rootfs }) => {
  if (user === undefined) return;
  const { leaf, slice, top } = delegate(test, user, '+cpu +memory +pids');

  test('limits in a delegated cgroup hold', async () => {
    const look = 'cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max /sys/fs/cgroup/cpu.max; cat /proc/self/cgroup';
    const resources = { memory: '32m', pidsLimit: '16', cpus: '0.5' };
    const { status, stdout, stderr } = await sh(look, { resources }, { cgroup: leaf });
    assert.equal([status, stdout], [0, '33554432\n16\n50000 100000\n0::/\n'], stderr);
  });

  test('a memory hog dies at its limit, with 137 and a message', async () => {
    const hog = 'x=aaaaaaaa; while :; do x=$x$x; done';
    const { status, stderr } = await sh(hog, { resources: { memory: '16m' } }, { cgroup: leaf });
    assert.is(status, 137);
    assert.match(stderr, '"kind":"out-of-memory"');
  });

  test('exec counts towards the container’s processes; from outside of the delegated cgroup it is refused', () => {
    const env = { PATH: process.env.PATH, TSIMG_ROOT: stateRootOf(user) };
    const tsimg = (cgroup: string, ...args: readonly string[]) => {
      const become = [findTool('setpriv') ?? '', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', '--'];
      const script = 'echo 0 >"$0/cgroup.procs" && exec "$@"';
      const command = [...become, process.execPath, '--', MAIN, ...args];
      return spawnSync('sh', ['-c', script, cgroup, ...command], { env, encoding: 'utf8', timeout: 120_000 });
    };
    const options = ['-d', '--name', 'entered', '--network', 'none', '--pids-limit', '6'];
    const { status, stderr } = tsimg(leaf, 'run', ...options, rootfs, '/bin/sleep', '1000');
    assert.is(status, 0, stderr);
    try {
      const bomb = 'cat /proc/self/cgroup; n=0; while [ $n -lt 30 ]; do sleep 5 & n=$((n+1)); done; echo all';
      const inside = tsimg(leaf, 'exec', 'entered', '/bin/sh', '-c', bomb);
      assert.is(inside.stdout, '0::/\n');
      assert.match(inside.stderr, "can't fork");
      const outside = tsimg(top, 'exec', 'entered', 'true');
      assert.is(outside.status, 125);
      assert.match(outside.stderr, 'cgroup');
    } finally {
      tsimg(leaf, 'rm', '-f', 'entered');
    }
  });

  test('all cgroups are removed', async () => {
    await sh('true', { resources: { memory: '32m' } }, { cgroup: leaf });
    assert.not.ok(existsSync(join(slice, 'tsimg')));
    assert.is(readFileSync(join(leaf, 'cgroup.procs'), 'latin1'), '');
  });
});

asRoot.run();
asUser.run();

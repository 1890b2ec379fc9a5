import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { residentCall } from '../support/command/resident-command.ts';
import { stateRootOf } from '../support/command/state-root.ts';
import { PROGRAM } from '../support/command/tsimg.ts';
import { defineRuns } from '../support/container/define-runs.ts';
import { becomeWords } from '../support/host/ordinary-user.ts';
import { findTool } from '../support/tools.ts';
import { delegate, processesIn } from './delegate.ts';

// An ordinary user with a delegated cgroup of version 2, as in a session of systemd. Run on a
// kernel of its own by test/host/cgroup/cgroup2.test.ts.

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
    const { status, stderr } = await sh(hog, { resources: { memory: '8m' } }, { cgroup: leaf });
    assert.is(status, 137);
    assert.match(stderr, '"kind":"out-of-memory"');
  });

  test('exec counts towards the container’s processes; from outside of the delegated cgroup it is refused', () => {
    const tsimg = (cgroup: string, ...args: readonly string[]) => {
      // By its path: busybox's shell has one of its own
      const become = [findTool('setpriv') ?? '', ...becomeWords(user).slice(1)];
      const within = ['sh', '-c', 'echo 0 >"$0/cgroup.procs" && exec "$@"', cgroup, ...become];
      const env = { PATH: process.env.PATH, TSIMG_ROOT: stateRootOf(user), ...PROGRAM };
      const result = residentCall(args, { cwd: undefined, env, user: undefined, within });
      assert.ok(result, 'in a machine, calls are made by a process that stays');
      return result;
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
    // Those that run the containers
    const residents = processesIn(leaf);
    await sh('true', { resources: { memory: '32m' } }, { cgroup: leaf });
    assert.not.ok(existsSync(join(slice, 'tsimg')));
    assert.equal(processesIn(leaf), residents);
  });
});

asRoot.run();
asUser.run();

import { chownSync, existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { defineRuns } from '../support/define-runs.ts';

// An ordinary user to whom a cgroup of version 2 is delegated, as systemd does it for a session of its own. Run in a virtual
// machine by test/host/cgroup2.test.ts.

const asRoot = suite('machine/delegated');
const asUser = suite('machine/delegated as an ordinary user');

const TOP = '/sys/fs/cgroup';
const SLICE = join(TOP, 'delegated');
const LEAF = join(SLICE, 'session');

defineRuns(asRoot, asUser, (test, { sh, user }) => {
  if (user === undefined) return;
  test.before(() => {
    writeFileSync(join(TOP, 'cgroup.subtree_control'), '+cpu +memory +pids -cpuset');
    for (const path of [SLICE, LEAF]) {
      mkdirSync(path);
      for (const name of ['', 'cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads']) {
        chownSync(join(path, name), user.uid, user.gid);
      }
    }
  });
  test.after(() => {
    for (const path of [LEAF, SLICE]) rmdirSync(path);
  });

  test('limits are set below what is delegated, and hold', async () => {
    const look = 'cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max /sys/fs/cgroup/cpu.max; cat /proc/self/cgroup';
    const resources = { memory: '32m', pidsLimit: '16', cpus: '0.5' };
    const { status, stdout, stderr } = await sh(look, { resources }, { cgroup: LEAF });
    assert.equal([status, stdout], [0, '33554432\n16\n50000 100000\n0::/\n'], stderr);
  });

  test('a memory hog dies at its limit, with 137, and that is told', async () => {
    const hog = 'x=aaaaaaaa; while :; do x=$x$x; done';
    const { status, stderr } = await sh(hog, { resources: { memory: '16m' } }, { cgroup: LEAF });
    assert.is(status, 137);
    assert.match(stderr, '"kind":"out-of-memory"');
  });

  test('a controller that is not delegated is refused with cause and remedy', async () => {
    const { status, stderr } = await sh('true', { resources: { cpusetCpus: '0' } }, { cgroup: LEAF });
    assert.is(status, 125);
    assert.match(stderr, 'cpuset');
    assert.match(stderr, 'delegated');
  });

  test('nothing is left of what was made', async () => {
    await sh('true', { resources: { memory: '32m' } }, { cgroup: LEAF });
    assert.not.ok(existsSync(join(SLICE, 'tsimg')));
    assert.is(readFileSync(join(LEAF, 'cgroup.procs'), 'latin1'), '');
  });
});

asRoot.run();
asUser.run();

import { suite } from 'uvu';
import { defineInMachine } from '../../machine/define-in-machine.ts';

// The tests of limits, and those of devices and delegation, on a kernel of their own, whose controllers are all of
// version 2.

const test = suite('host/cgroup/cgroup2');
defineInMachine(
  test,
  'where there are cgroups of version 2 only, limits hold, programs hold devices, and a user has what is delegated',
  {
    kind: 'user-mode',
    files: [
      'host/cgroup/cgroup.test.js',
      'host/exec/exec-cgroup.test.js',
      'machine/devices.js',
      'machine/delegated.js',
      'machine/stats.js',
    ],
    // In host/cgroup/cgroup2-cpuset
    skips: ['skipped: needs the cgroup controllers cpuset'],
  },
);
test.run();

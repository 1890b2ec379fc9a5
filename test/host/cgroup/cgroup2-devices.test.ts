import { suite } from 'uvu';
import { defineInMachine } from '../../machine/define-in-machine.ts';

const test = suite('host/cgroup/cgroup2-devices');
defineInMachine(
  test,
  'where there are cgroups of version 2 only, devices are held by programs, and a user has what is delegated',
  { kind: 'user-mode', files: ['machine/devices.js', 'machine/delegated.js', 'machine/stats.js'] },
);
test.run();

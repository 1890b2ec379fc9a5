import { defineInMachine } from '../machine/define-in-machine.ts';

// The tests of limits again, where all controllers are of version 2: in a virtual machine, whatever the host has.

defineInMachine('host/cgroup2', 'limits hold where there are cgroups of version 2 only', [
  'host/cgroup.test.js',
  'host/exec-cgroup.test.js',
]);

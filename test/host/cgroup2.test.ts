import { suite } from 'uvu';
import { defineInMachine } from '../machine/define-in-machine.ts';

// The tests of limits again, where all controllers are of version 2: in a virtual machine, whatever the host has.

const test = suite('host/cgroup2');
defineInMachine(test, 'limits hold where there are cgroups of version 2 only', [
  'host/cgroup/cgroup.test.js',
  'host/exec-cgroup.test.js',
]);
test.run();

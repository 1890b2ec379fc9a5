import { suite } from 'uvu';
import { defineInMachine } from '../../machine/define-in-machine.ts';

const test = suite('host/cgroup/cgroup2-cpuset');
defineInMachine(test, 'where there are cgroups of version 2 only, a container has the processors of its set', {
  kind: 'virtual',
  files: ['machine/cpuset.js'],
});
test.run();

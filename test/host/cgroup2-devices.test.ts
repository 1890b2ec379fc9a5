import { defineInMachine } from '../machine/define-in-machine.ts';

defineInMachine(
  'host/cgroup2-devices',
  'where there are cgroups of version 2 only, devices are held by programs, and a user has what is delegated',
  ['machine/devices.js', 'machine/delegated.js', 'machine/stats.js'],
);

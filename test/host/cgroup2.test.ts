import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runInMachine } from '../machine/virtual-machine.ts';
import { haveRoot, haveTools, installedKernel } from '../support/tools.ts';

// The tests of limits again, where all controllers are of version 2: in a virtual machine, whatever the host has.

/** Emulated, it takes some minutes, and more where others are at work. */
const SECONDS = 900;
const FILES = [
  'host/cgroup.test.js',
  'host/exec-cgroup.test.js',
  'machine/devices.js',
  'machine/delegated.js',
  'machine/stats.js',
];
const test = suite('host/cgroup2');
const kernel = installedKernel();
if (kernel === undefined) console.log('skipped: needs a kernel in /boot (Debian package linux-image-cloud-amd64)');
const ready =
  kernel !== undefined &&
  process.arch === 'x64' &&
  haveRoot() &&
  haveTools('qemu-system-x86_64', 'busybox', 'unshare', 'setpriv', 'nsenter', 'newuidmap', 'useradd', 'ldd');
const inMachine = ready ? test : test.skip;

inMachine(
  'limits hold where there are cgroups of version 2 only, for root and for a user to whom some are delegated',
  () => {
    const said = runInMachine(
      kernel ?? '',
      `export NO_COLOR=1 FORCE_COLOR=0; for each in ${FILES.join(' ')}; do node dist/test/$each; echo "status $?"; done`,
      SECONDS,
    );
    console.log(said.replace(/^/gm, '  | '));
    assert.match(said, /^END$/m, 'it did not come to its end');
    assert.equal(
      said.match(/^status .*$/gm),
      FILES.map(() => 'status 0'),
    );
    assert.not.match(said, /^skipped: /m);
  },
);

test.run();

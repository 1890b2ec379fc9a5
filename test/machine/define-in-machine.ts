import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import { haveRoot, haveTools, installedKernel } from '../support/tools.ts';
import { runInMachine } from './virtual-machine.ts';

/**
 * Emulated, it takes some minutes, and more where others are at work. The test runner ends a file after ten minutes.
 */
const SECONDS = 560;

/** Whether such a machine can be had here; prints what is missing. */
export function canRunMachine(): boolean {
  if (process.arch !== 'x64') console.log('skipped: needs an x86-64 machine');
  const kernel = installedKernel();
  if (kernel === undefined) console.log('skipped: needs a kernel in /boot (Debian package linux-image-cloud-amd64)');
  const programs = ['qemu-system-x86_64', 'busybox', 'unshare', 'setpriv', 'nsenter', 'newuidmap', 'useradd', 'ldd'];
  return process.arch === 'x64' && kernel !== undefined && haveRoot() && haveTools(...programs, 'losetup');
}

/** One test: these files, below dist/test, pass in a virtual machine where all controllers are of version 2. */
export function defineInMachine(test: Test, sentence: string, files: readonly string[]): void {
  const inMachine = canRunMachine() ? test : test.skip;
  inMachine(sentence, () => {
    const each = `for each in ${files.join(' ')}; do node dist/test/$each; echo "status $?"; done`;
    const said = runInMachine(installedKernel() ?? '', `export NO_COLOR=1 FORCE_COLOR=0; ${each}`, SECONDS);
    console.log(said.replace(/^/gm, '  | '));
    assert.match(said, /^END$/m, 'it did not come to its end');
    assert.equal(
      said.match(/^status .*$/gm),
      files.map(() => 'status 0'),
    );
    assert.not.match(said, /^skipped: /m);
  });
}

import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import { haveRoot, haveTools, installedKernel } from '../support/tools.ts';
import { bootsUserModeKernel, runOnUserModeKernel, userModeModules } from './user-mode-kernel.ts';
import { runInVirtualMachine } from './virtual-machine.ts';

/** More than it takes on a busy host that is slow. The test runner ends a file after twenty minutes. */
const SECONDS = 1100;
const PROGRAMS = ['busybox', 'unshare', 'setpriv', 'nsenter', 'newuidmap', 'useradd', 'ldd', 'losetup'];

/** Runs a shell script on a kernel whose controllers are all of version 2. */
export type Machine = (script: string) => string;

/** Undefined where this host has none; prints what is missing. */
export function userModeKernel(): Machine | undefined {
  const modules = userModeModules();
  if (modules === undefined) console.log('skipped: needs a kernel in user mode (Debian package user-mode-linux)');
  if (modules === undefined || !haveRoot() || !haveTools('linux.uml', 'mount', 'taskset', ...PROGRAMS))
    return undefined;
  if (bootsUserModeKernel()) return (script) => runOnUserModeKernel(modules, script, SECONDS);
  console.log('skipped: needs a processor on which the kernel in user mode runs programs (none with AMX)');
  return undefined;
}

/** Undefined where this host has none; prints what is missing. */
function virtualMachine(): Machine | undefined {
  if (process.arch !== 'x64') console.log('skipped: needs an x86-64 machine');
  const kernel = installedKernel();
  if (kernel === undefined) console.log('skipped: needs a kernel in /boot (Debian package linux-image-cloud-amd64)');
  if (process.arch !== 'x64' || kernel === undefined) return undefined;
  if (!haveRoot() || !haveTools('qemu-system-x86_64', ...PROGRAMS)) return undefined;
  return (script) => runInVirtualMachine(kernel, script, SECONDS);
}

/** `user-mode` is fast; `virtual` has several processors, and cpuset. */
export type MachineKind = 'user-mode' | 'virtual';

export interface InMachine {
  readonly kind: MachineKind;
  /** Test files, relative to dist/test. */
  readonly files: readonly string[];
  /** The lines `skipped: needs …` that these files may print. */
  readonly skips?: readonly string[];
}

/** Defines one test: these files pass on a kernel whose controllers are all of version 2. */
export function defineInMachine(test: Test, sentence: string, { kind, files, skips = [] }: InMachine): void {
  const machine = kind === 'virtual' ? virtualMachine() : userModeKernel();
  const inMachine = machine === undefined ? test.skip : test;
  inMachine(sentence, () => {
    const run = `node dist/test/machine/run-files.js ${files.join(' ')}; echo "status $?"`;
    const all = machine?.(`export NO_COLOR=1 FORCE_COLOR=0; ${run}`) ?? '';
    // Indented, because a test that is skipped in there is not skipped by this file.
    console.log(all.replace(/^/gm, '  | ').replaceAll('skipped: needs', 'left out: needs'));
    const [, said = ''] = all.split(/BEGIN$/m);
    assert.match(said, /^END$/m, 'it did not come to its end');
    assert.equal(said.match(/^status .*$/gm), ['status 0']);
    assert.equal(said.match(/^machine\b.*|^host\b.*/gm), files);
    assert.equal(said.match(/\bskipped: needs .*$/gm) ?? [], skips);
  });
}

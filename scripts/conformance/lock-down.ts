import { closeSync, constants, openSync } from 'node:fs';
import { errnoOf } from '../../src/errors.ts';
import { MS } from '../../src/linux/mount-flags.ts';
import { mount, setMountAttributes } from '../../src/sys/stub/call/mounts.ts';
import { openOwnStub } from '../../src/sys/stub/own-stub.ts';

const MOUNT_ATTR_RDONLY = 1;

/**
 * Makes all that is mounted read-only and puts memory file systems on /run, /var/tmp and /dev/shm: in a mount namespace of this
 * process's own, or the machine is of no use afterwards. @throws Error when something else can still be written
 */
export function lockDown(): void {
  const stub = openOwnStub();
  const root = openSync('/', constants.O_RDONLY | constants.O_DIRECTORY);
  setMountAttributes(stub, root, MOUNT_ATTR_RDONLY, true, '/');
  closeSync(root);
  // No device that a case makes can be opened, no setuid file have an effect
  const memory = { source: 'tmpfs', type: 'tmpfs', flags: MS.nosuid | MS.nodev, data: 'mode=755,size=2g' };
  mount(stub, { ...memory, target: '/run' }, '/run');
  // Where containers/image unpacks an archive whatever TMPDIR says, and where podman has its locks
  mount(stub, { ...memory, target: '/var/tmp', data: 'mode=1777,size=64m' }, '/var/tmp');
  mount(stub, { ...memory, target: '/dev/shm', data: 'mode=1777,size=64m' }, '/dev/shm');
  checkLockDown();
}

/** Whoever may be run here deletes and overwrites; so it is tried, not assumed. */
function checkLockDown(): void {
  for (const folder of ['/', '/tmp', '/var', '/etc', '/root', '/home', import.meta.dirname]) {
    const path = `${folder}/tsimg-conformance-must-not-be`;
    try {
      closeSync(openSync(path, 'wx'));
    } catch (error) {
      if (errnoOf(error) === 'EROFS' || errnoOf(error) === 'ENOENT') continue;
      throw error;
    }
    throw new Error(`${folder} can be written: nothing is run`);
  }
}

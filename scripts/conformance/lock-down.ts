import { closeSync, constants, openSync } from 'node:fs';
import { errnoOf } from '../../src/errors.ts';
import { MS } from '../../src/linux/mount-flags.ts';
import { mount, setMountAttributes } from '../../src/sys/stub/call/mounts.ts';
import { openOwnStub } from '../../src/sys/stub/own-stub.ts';

const MOUNT_ATTR_RDONLY = 1;

/**
 * Makes all mounts read-only and puts file systems in memory on /run, /var/tmp and /dev/shm. The process must have a
 * mount namespace of its own: otherwise the machine cannot be used afterwards. @throws Error where something else can
 * still be written
 */
export function lockDown(): void {
  const stub = openOwnStub();
  const root = openSync('/', constants.O_RDONLY | constants.O_DIRECTORY);
  setMountAttributes(stub, root, { bits: MOUNT_ATTR_RDONLY, recursive: true, where: '/' });
  closeSync(root);
  // Devices that a case makes cannot be opened, and setuid files have no effect.
  const memory = { source: 'tmpfs', type: 'tmpfs', flags: MS.nosuid | MS.nodev, data: 'mode=755,size=2g' };
  mount(stub, { ...memory, target: '/run' }, '/run');
  // containers/image unpacks archives in /var/tmp with any TMPDIR, and podman has its locks in /dev/shm.
  mount(stub, { ...memory, target: '/var/tmp', data: 'mode=1777,size=64m' }, '/var/tmp');
  mount(stub, { ...memory, target: '/dev/shm', data: 'mode=1777,size=64m' }, '/dev/shm');
  checkLockDown();
}

/** Tries to write elsewhere: tools that run here may delete and overwrite files, so this is not assumed. */
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

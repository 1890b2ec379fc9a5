import { constants } from 'node:fs';
import { errnoOf } from '../../errors.ts';
import type { Step } from '../../launch/launch-plan.ts';
import { MS } from '../../linux/mount-flags.ts';
import { openPath, withDescriptor, writeAll } from '../../sys/stub/call/files.ts';
import { mount } from '../../sys/stub/call/mounts.ts';
import { makeNamespaces, raiseLoopback, setHostname } from '../../sys/stub/call/namespaces.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import { placeDevices } from './devices.ts';
import * as mounts from './mounts.ts';
import { openDirectory, type StubRoot } from './root.ts';
import { openContainerTerminal } from './stream-devices.ts';
import { mountTextFile } from './text-files.ts';
import { bindVolume, cloneSources, isSpreading } from './volumes.ts';

/** The results of the steps, for the end of the launch. */
export interface Prepared {
  readonly root: StubRoot;
  /** The container's terminal, open for reading and writing. */
  readonly terminal: number | undefined;
}

/**
 * Writes a kernel setting where possible: inside of another container /proc/sys is read-only, and old kernels lack
 * settings.
 */
function writeSetting(stub: Stub, name: string, value: string): void {
  try {
    const fd = openPath(stub, `/proc/sys/${name}`, constants.O_WRONLY | constants.O_TRUNC);
    withDescriptor(stub, fd, () => writeAll(stub, fd, Buffer.from(value)));
  } catch (error) {
    if (!['EROFS', 'EACCES', 'EPERM', 'ENOENT'].includes(errnoOf(error) ?? '')) throw error;
  }
}

/**
 * Files that the host's root opened for steps in a user namespace, whose root may not open them. The container's root
 * is the working directory.
 */
export interface MadeOutside {
  /** The mounts that the steps bind, cloned. */
  readonly clones: ReadonlyMap<Step, number>;
}

/** The launcher's part in the steps. */
export interface StepHooks {
  /** Puts the stub into the container's cgroups. */
  joinCgroups(): void;
  /** Takes the master of the container's terminal, a descriptor of the stub. */
  takeMaster(master: number): void;
  /** Present where the stub may not open the host's files. */
  readonly outside?: MadeOutside | undefined;
}

/** Performs the steps of a plan in order. It decides nothing: the plan does. */
export function performSteps(stub: Stub, steps: readonly Step[], hooks: StepHooks): Prepared {
  // No descriptor: the step `root` comes before all that use it.
  let root: StubRoot = { stub, fd: -1 };
  let terminal: number | undefined;
  let clones = hooks.outside?.clones;
  for (const step of steps) {
    switch (step.do) {
      case 'private-mounts':
        clones ??= cloneSources(stub, steps, (each) => each.do === 'bind' && isSpreading(each));
        mount(stub, { source: null, target: '/', type: null, flags: MS.private | MS.recursive }, '/');
        break;
      case 'hostname':
        setHostname(stub, step.name);
        break;
      case 'raise-loopback':
        raiseLoopback(stub);
        break;
      case 'sysctl':
        writeSetting(stub, step.name, step.value);
        break;
      case 'cgroup-namespace':
        // The namespace's root is the cgroup that the process is in now, and later cgroup mounts show that one as the
        // top.
        hooks.joinCgroups();
        makeNamespaces(stub, ['cgroup']);
        break;
      case 'root':
        root = {
          stub,
          fd: hooks.outside === undefined ? mounts.mountRoot(stub, step) : mounts.bindDirectory(stub, '.'),
        };
        break;
      case 'mount':
        mounts.mountKernelFs(root, step);
        break;
      case 'host-tree':
        mounts.mountHostTree(root, step);
        break;
      case 'directory':
        mounts.makeDirectory(root, step);
        break;
      case 'device':
        mounts.makeDeviceNode(root, step);
        break;
      case 'host-device':
        placeDevices(root, step);
        break;
      case 'link':
        mounts.makeLink(root, step);
        break;
      case 'bind':
        bindVolume(root, step, clones?.get(step));
        break;
      case 'file':
        mountTextFile(root, step, clones?.get(step));
        break;
      case 'mask':
        mounts.maskPath(root, step);
        break;
      case 'read-only':
        mounts.makeReadOnly(root, step);
        break;
      case 'working-directory':
        withDescriptor(stub, openDirectory(root, step.target, 'inside'), () => undefined);
        break;
      case 'terminal':
        terminal = openContainerTerminal(root, hooks.takeMaster);
        break;
      case 'pivot':
        mounts.pivot(root, step);
        break;
      case 'chroot':
        mounts.changeRoot(root, step);
        break;
    }
  }
  return { root, terminal };
}

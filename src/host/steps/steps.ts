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
import { openDirectory } from './root.ts';
import { openContainerTerminal } from './stream-devices.ts';
import { mountTextFile } from './text-files.ts';
import { bindVolume, cloneSources, isSpreading } from './volumes.ts';

/** What the steps leave for the end of the launch. */
export interface Prepared {
  /** The root directory, by the stub's descriptor. */
  readonly rootFd: number;
  /** The container's terminal, open for reading and writing. */
  readonly terminal: number | undefined;
}

/** A convenience: in a container of others, /proc/sys is read-only, and old kernels do not have every setting. */
function writeSetting(stub: Stub, name: string, value: string): void {
  try {
    const fd = openPath(stub, `/proc/sys/${name}`, constants.O_WRONLY | constants.O_TRUNC);
    withDescriptor(stub, fd, () => writeAll(stub, fd, Buffer.from(value)));
  } catch (error) {
    if (!['EROFS', 'EACCES', 'EPERM', 'ENOENT'].includes(errnoOf(error) ?? '')) throw error;
  }
}

/** What was opened by root itself, for steps that are performed by root of a user namespace, to whom the host's files are closed. */
export interface MadeOutside {
  /** Of what the steps bind. The container's root is the working directory. */
  readonly clones: ReadonlyMap<Step, number>;
}

/** What a launch does in between, not by the stub. */
export interface StepHooks {
  /** Puts the stub into the container's cgroups. */
  joinCgroups(): void;
  /** Takes the master of the container's terminal, a descriptor of the stub. */
  takeMaster(master: number): void;
  /** Where the host's files are closed to the stub: what was opened before. */
  readonly outside?: MadeOutside | undefined;
}

/** Interprets the steps of a plan in order, without an opinion of its own. */
export function performSteps(stub: Stub, steps: readonly Step[], hooks: StepHooks): Prepared {
  let rootFd = -1;
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
        // What is mounted from here on shows the container's cgroups as the top of all: it must be in them before.
        hooks.joinCgroups();
        makeNamespaces(stub, ['cgroup']);
        break;
      case 'root':
        rootFd = hooks.outside === undefined ? mounts.mountRoot(stub, step) : mounts.bindDirectory(stub, '.');
        break;
      case 'mount':
        mounts.mountKernelFs(stub, rootFd, step);
        break;
      case 'host-tree':
        mounts.mountHostTree(stub, rootFd, step);
        break;
      case 'directory':
        mounts.makeDirectory(stub, rootFd, step);
        break;
      case 'device':
        mounts.makeDeviceNode(stub, rootFd, step);
        break;
      case 'host-device':
        placeDevices(stub, rootFd, step);
        break;
      case 'link':
        mounts.makeLink(stub, rootFd, step);
        break;
      case 'bind':
        bindVolume(stub, rootFd, step, clones?.get(step));
        break;
      case 'file':
        mountTextFile(stub, rootFd, step, clones?.get(step));
        break;
      case 'mask':
        mounts.maskPath(stub, rootFd, step);
        break;
      case 'read-only':
        mounts.makeReadOnly(stub, rootFd, step);
        break;
      case 'working-directory':
        withDescriptor(stub, openDirectory(stub, rootFd, step.target, 'inside'), () => undefined);
        break;
      case 'terminal':
        terminal = openContainerTerminal(stub, rootFd, hooks.takeMaster);
        break;
      case 'pivot':
        mounts.pivot(stub, rootFd, step);
        break;
      case 'chroot':
        mounts.changeRoot(stub, rootFd, step);
        break;
    }
  }
  return { rootFd, terminal };
}

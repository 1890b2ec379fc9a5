import { constants } from 'node:fs';
import { errnoOf } from '../../errors.ts';
import type { Step } from '../../launch/launch-plan.ts';
import { MS } from '../../linux/mount-flags.ts';
import { openPath, withDescriptor, writeAll } from '../../sys/stub/call/files.ts';
import { mount } from '../../sys/stub/call/mounts.ts';
import { makeNamespaces, raiseLoopback, setHostname } from '../../sys/stub/call/namespaces.ts';
import type { Hand } from '../../sys/stub/stub.ts';
import { placeDevices } from './devices.ts';
import type { MadeOutside } from './mapped-root.ts';
import * as mounts from './mounts.ts';
import { changeRoot, pivot } from './root.ts';
import { openDirectory } from './root-targets.ts';
import { openContainerTerminal } from './terminal.ts';
import { mountTextFile } from './text-files.ts';
import { bindVolume, cloneSources, isSpreading } from './volumes.ts';

/** What the steps leave for the end of the launch. */
export interface Prepared {
  /** The root directory, by the hand's descriptor. */
  readonly rootFd: number;
  /** The container's terminal, open for reading and writing. */
  readonly terminal: number | undefined;
}

/** A convenience: in a container of others, /proc/sys is read-only, and old kernels do not have every setting. */
function writeSetting(hand: Hand, name: string, value: string): void {
  try {
    const fd = openPath(hand, `/proc/sys/${name}`, constants.O_WRONLY | constants.O_TRUNC);
    withDescriptor(hand, fd, () => writeAll(hand, fd, Buffer.from(value)));
  } catch (error) {
    if (!['EROFS', 'EACCES', 'EPERM', 'ENOENT'].includes(errnoOf(error) ?? '')) throw error;
  }
}

/** What a launch does in between, not by the hand. */
export interface StepHooks {
  /** Puts the hand into the container's cgroups. */
  joinCgroups(): void;
  /** Takes the master of the container's terminal, a descriptor of the hand. */
  takeMaster(master: number): void;
  /** Where the host's files are closed to the hand: what was opened before. */
  readonly outside?: MadeOutside | undefined;
}

/** Interprets the steps of a plan in order, without an opinion of its own. */
export function performSteps(hand: Hand, steps: readonly Step[], hooks: StepHooks): Prepared {
  let rootFd = -1;
  let terminal: number | undefined;
  let clones = hooks.outside?.clones;
  for (const step of steps) {
    switch (step.do) {
      case 'private-mounts':
        clones ??= cloneSources(hand, steps, (each) => each.do === 'bind' && isSpreading(each));
        mount(hand, { source: null, target: '/', type: null, flags: MS.private | MS.recursive }, '/');
        break;
      case 'hostname':
        setHostname(hand, step.name);
        break;
      case 'raise-loopback':
        raiseLoopback(hand);
        break;
      case 'sysctl':
        writeSetting(hand, step.name, step.value);
        break;
      case 'cgroup-namespace':
        // What is mounted from here on shows the container's cgroups as the top of all: it must be in them before.
        hooks.joinCgroups();
        makeNamespaces(hand, ['cgroup']);
        break;
      case 'root':
        rootFd = hooks.outside === undefined ? mounts.mountRoot(hand, step) : mounts.bindDirectory(hand, '.');
        break;
      case 'mount':
        mounts.mountKernelFs(hand, rootFd, step);
        break;
      case 'host-tree':
        mounts.mountHostTree(hand, rootFd, step);
        break;
      case 'directory':
        mounts.makeDirectory(hand, rootFd, step);
        break;
      case 'device':
        mounts.makeDeviceNode(hand, rootFd, step);
        break;
      case 'host-device':
        placeDevices(hand, rootFd, step);
        break;
      case 'link':
        mounts.makeLink(hand, rootFd, step);
        break;
      case 'bind':
        bindVolume(hand, rootFd, step, clones?.get(step));
        break;
      case 'file':
        mountTextFile(hand, rootFd, step, clones?.get(step));
        break;
      case 'mask':
        mounts.maskPath(hand, rootFd, step);
        break;
      case 'read-only':
        mounts.makeReadOnly(hand, rootFd, step);
        break;
      case 'working-directory':
        withDescriptor(hand, openDirectory(hand, rootFd, step.target, 'inside'), () => undefined);
        break;
      case 'terminal':
        terminal = openContainerTerminal(hand, rootFd, hooks.takeMaster);
        break;
      case 'pivot':
        pivot(hand, rootFd, step);
        break;
      case 'chroot':
        changeRoot(hand, rootFd, step);
        break;
    }
  }
  return { rootFd, terminal };
}

import { writeFileSync } from 'node:fs';
import { errnoOf } from '../errors.ts';
import type { Step } from '../launch/plan.ts';
import { MS } from '../linux/mount-flags.ts';
import { mount } from '../sys/mount.ts';
import { raiseLoopback, setHostname } from '../sys/namespace.ts';
import type { StageCgroup } from './channel.ts';
import { enterCgroups } from './stage-cgroups.ts';
import { placeDevices } from './stage-devices.ts';
import * as mounts from './stage-mounts.ts';
import { changeRoot, pivot } from './stage-root.ts';
import { mountTextFile } from './stage-text-files.ts';
import { bindVolume, cloneSpreading } from './stage-volumes.ts';

/** What the steps leave for the end of the launch. */
export interface Prepared {
  /** The root directory, open. */
  readonly rootFd: number;
  /** The container's terminal, open for reading and writing. */
  readonly terminal: number | undefined;
  /** The container's cgroups, those that are joined late not yet joined. */
  readonly cgroups: readonly StageCgroup[];
}

/** A convenience: in a container of others, /proc/sys is read-only, and old kernels do not have every setting. */
function writeSetting(name: string, value: string): void {
  try {
    writeFileSync(`/proc/sys/${name}`, value);
  } catch (error) {
    if (!['EROFS', 'EACCES', 'EPERM', 'ENOENT'].includes(errnoOf(error) ?? '')) throw error;
  }
}

/** Interprets the steps of a plan in order, without an opinion of its own. `openTerminal` opens the container's terminal. */
export function performSteps(
  steps: readonly Step[],
  cgroups: readonly StageCgroup[],
  openTerminal: (rootFd: number) => number,
): Prepared {
  let rootFd = -1;
  let terminal: number | undefined;
  let spreading: ReadonlyMap<Step, number> = new Map();
  for (const step of steps) {
    switch (step.do) {
      case 'private-mounts':
        spreading = cloneSpreading(steps);
        mount({ source: null, target: '/', type: null, flags: MS.private | MS.recursive }, '/');
        break;
      case 'hostname':
        setHostname(step.name);
        break;
      case 'raise-loopback':
        raiseLoopback();
        break;
      case 'sysctl':
        writeSetting(step.name, step.value);
        break;
      case 'cgroup-namespace':
        enterCgroups(cgroups);
        break;
      case 'root':
        rootFd = mounts.mountRoot(step);
        break;
      case 'mount':
        mounts.mountKernelFs(rootFd, step);
        break;
      case 'host-tree':
        mounts.mountHostTree(rootFd, step);
        break;
      case 'directory':
        mounts.makeDirectory(rootFd, step);
        break;
      case 'device':
        mounts.makeDeviceNode(rootFd, step);
        break;
      case 'host-device':
        placeDevices(rootFd, step);
        break;
      case 'link':
        mounts.makeLink(rootFd, step);
        break;
      case 'bind':
        bindVolume(rootFd, step, spreading.get(step));
        break;
      case 'file':
        mountTextFile(rootFd, step);
        break;
      case 'mask':
        mounts.maskPath(rootFd, step);
        break;
      case 'read-only':
        mounts.makeReadOnly(rootFd, step);
        break;
      case 'terminal':
        terminal = openTerminal(rootFd);
        break;
      case 'pivot':
        pivot(rootFd, step);
        break;
      case 'chroot':
        changeRoot(rootFd, step);
        break;
    }
  }
  return { rootFd, terminal, cgroups };
}

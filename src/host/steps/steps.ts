import { constants } from 'node:fs';
import { errnoOf } from '../../errors.ts';
import type { Step } from '../../launch/launch-plan.ts';
import { MS } from '../../linux/mount-flags.ts';
import { openPath, withDescriptor, writeAll } from '../../sys/stub/call/files.ts';
import { mount } from '../../sys/stub/call/mounts.ts';
import { makeNamespaces, setHostname } from '../../sys/stub/call/namespaces.ts';
import { raiseLoopback } from '../../sys/stub/call/sockets.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import { placeDevices } from './devices.ts';
import * as mounts from './mounts.ts';
import { openDirectory, type StubRoot } from './root.ts';
import { callsOf } from './step-calls.ts';
import { requestSteps, type WaitingStep } from './step-request.ts';
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
  /** Takes the master of the container's terminal, a descriptor of the stub. */
  takeMaster(master: number): void;
  /** Present where the stub may not open the host's files. */
  readonly outside?: MadeOutside | undefined;
}

/** Performs the steps of a plan in order. It decides nothing: the plan does. */
export function performSteps(stub: Stub, steps: readonly Step[], hooks: StepHooks & { joinCgroups(): void }): Prepared {
  const performing = stepByStep(stub, steps, hooks);
  for (;;) {
    const next = performing.next();
    if (next.done) return next.value;
    hooks.joinCgroups();
  }
}

/** The most steps of one request: they must fit in the stub's memory, also with long paths and texts. */
const MOST_STEPS = 64;
/** The fewest steps of a request after a failure: where every step fails, no more than these are sent in vain. */
const FEWEST_STEPS = 8;

/** Performs steps one by one, and many of them by one request to the stub where they go their usual way. */
class Performer {
  /** No descriptor: the step `root` comes before all that use it. */
  root: StubRoot;
  terminal: number | undefined;
  readonly #hooks: StepHooks;
  readonly #steps: readonly Step[];
  #clones: ReadonlyMap<Step, number> | undefined;
  readonly #waiting: WaitingStep[] = [];

  constructor(stub: Stub, steps: readonly Step[], hooks: StepHooks) {
    this.root = { stub, fd: -1 };
    this.#steps = steps;
    this.#hooks = hooks;
    this.#clones = hooks.outside?.clones;
  }

  /** Performs a step now, or with the next ones. */
  add(step: Step): void {
    if (step.do === 'mask' && step.target.includes('*')) {
      this.finish();
      for (const target of mounts.expand(this.root, step.target)) this.add({ do: 'mask', target });
      return;
    }
    const planned = callsOf(step, this.root, this.#clones?.get(step));
    if (planned !== undefined) {
      this.#waiting.push({ step, planned });
      return;
    }
    this.finish();
    this.#perform(step);
  }

  /** Performs the steps that wait. */
  finish(): void {
    for (let most = MOST_STEPS; this.#waiting.length > 0; ) {
      const steps = this.#waiting.slice(0, most);
      const failed = requestSteps(this.root.stub, steps);
      const again = failed === undefined ? undefined : steps[failed];
      this.#waiting.splice(0, failed === undefined ? steps.length : failed + 1);
      if (again !== undefined) this.#perform(again.step);
      most = Math.min(MOST_STEPS, Math.max(FEWEST_STEPS, failed ?? most * 2));
    }
  }

  #perform(step: Step): void {
    const { root } = this;
    const { stub } = root;
    switch (step.do) {
      case 'private-mounts':
        this.#clones ??= cloneSources(stub, this.#steps, (each) => each.do === 'bind' && isSpreading(each));
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
        makeNamespaces(stub, ['cgroup']);
        break;
      case 'root': {
        const fd = this.#hooks.outside === undefined ? mounts.mountRoot(stub, step) : mounts.bindDirectory(stub, '.');
        this.root = { stub, fd };
        break;
      }
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
        bindVolume(root, step, this.#clones?.get(step));
        break;
      case 'file':
        mountTextFile(root, step, this.#clones?.get(step));
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
        this.terminal = openContainerTerminal(root, this.#hooks.takeMaster);
        break;
      case 'pivot':
        mounts.pivot(root, step);
        break;
      case 'chroot':
        mounts.changeRoot(root, step);
        break;
    }
  }
}

/** As `performSteps`, and stops where the stub must be in the container's cgroups to go on. */
export function* stepByStep(
  stub: Stub,
  steps: readonly Step[],
  hooks: StepHooks,
): Generator<'join the cgroups', Prepared> {
  const performer = new Performer(stub, steps, hooks);
  for (const step of steps) {
    if (step.do === 'cgroup-namespace') {
      // The namespace's root is the cgroup that the process is in now, and later cgroup mounts show that one as the top.
      performer.finish();
      yield 'join the cgroups';
    }
    performer.add(step);
  }
  performer.finish();
  return { root: performer.root, terminal: performer.terminal };
}

import type { BindStep, Step } from '../../launch/launch-plan.ts';
import { MS } from '../../linux/mount-flags.ts';
import { O_PATH } from '../../sys/file/open-how.ts';
import { closeCall, openPathCall } from '../../sys/stub/call/file-calls.ts';
import { statusOf, withDescriptor } from '../../sys/stub/call/files.ts';
import { cloneMount, cloneMountCall, setPropagation } from '../../sys/stub/call/mounts.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import { attachWith, bindOnto, openHost, refuseProc } from './mounts.ts';
import { openDirectory, openFilePlace, type StubRoot } from './root.ts';

/** Whether later mounts spread between the host and the container. */
export function isSpreading({ propagation = 'private' }: Pick<BindStep, 'propagation'>): boolean {
  return propagation !== 'private';
}

/** The file or directory of the host that a step binds; undefined where it binds none. */
function sourceOf(step: Step): string | undefined {
  if (step.do === 'bind') return step.source;
  return step.do === 'file' && 'shared' in step.content ? step.content.shared : undefined;
}

/** Clones a file or directory of the host by one request. @throws LAUNCH_FAILED, SYSTEM_CALL */
export function cloneHost(stub: Stub, source: string): number {
  const from = openPathCall(source, O_PATH);
  const tree = cloneMountCall(from);
  const performed = stub.perform([from, tree, closeCall(from)]);
  const cloned = performed?.results[1];
  if (cloned !== undefined && cloned >= 0) return cloned;
  // Once more, with its own error.
  return withDescriptor(stub, openHost(stub, source), (fd) => cloneMount(stub, fd, source));
}

/**
 * Clones the mounts that the wanted steps bind. Mounts that spread must be cloned before all mounts become private: a
 * clone keeps the propagation that its origin has at that moment.
 */
export function cloneSources(
  stub: Stub,
  steps: readonly Step[],
  wanted: (step: Step) => boolean,
): ReadonlyMap<Step, number> {
  const clones = new Map<Step, number>();
  for (const step of steps) {
    const source = sourceOf(step);
    if (source === undefined || !wanted(step)) continue;
    const tree = cloneHost(stub, source);
    setPropagation(stub, tree, MS[(step.do === 'bind' ? step.propagation : undefined) ?? 'private'], source);
    clones.set(step, tree);
  }
  return clones;
}

/** Binds a file or directory of the host to a place of the container. @param clone made by `cloneSources` */
export function bindVolume(root: StubRoot, step: BindStep, clone: number | undefined): void {
  const { stub } = root;
  const { source, target, attributes } = step;
  withDescriptor(stub, clone ?? openHost(stub, source), (from) => {
    const open = statusOf(stub, from).kind === 'directory' ? openDirectory : openFilePlace;
    withDescriptor(stub, open(root, target, 'inside'), (place) => {
      refuseProc(stub, place, target);
      if (clone === undefined) return bindOnto(stub, from, { place, attributes, where: target });
      attachWith(stub, from, { place, attributes, where: target });
    });
  });
}

import { fstatSync } from 'node:fs';
import type { BindStep, Step } from '../launch/plan.ts';
import { attributeBits, MS } from '../linux/mount-flags.ts';
import { attachMount, cloneMount, setMountAttributes, setPropagation } from '../sys/mount.ts';
import { openDirectory, openFilePlace, withDescriptor } from './root-targets.ts';
import { bindOnto, openHost, refuseProc } from './stage-mounts.ts';

/**
 * Clones what is to be bound so that later mounts spread: it must happen before all else becomes private, for a clone spreads
 * to and from what its origin does at that moment.
 */
export function cloneSpreading(steps: readonly Step[]): ReadonlyMap<Step, number> {
  const clones = new Map<Step, number>();
  for (const step of steps) {
    if (step.do !== 'bind' || step.propagation === undefined || step.propagation === 'private') continue;
    const tree = withDescriptor(openHost(step.source), (from) => cloneMount(from, step.source));
    setPropagation(tree, MS[step.propagation], step.source);
    clones.set(step, tree);
  }
  return clones;
}

/** A file or directory of the host at a place of the container. `clone` is one that `cloneSpreading` made. */
export function bindVolume(rootFd: number, step: BindStep, clone: number | undefined): void {
  const { source, target, attributes } = step;
  withDescriptor(clone ?? openHost(source), (from) => {
    const open = fstatSync(from).isDirectory() ? openDirectory : openFilePlace;
    withDescriptor(open(rootFd, target, 'inside'), (place) => {
      refuseProc(place, target);
      if (clone === undefined) return bindOnto(from, place, attributes, target);
      setMountAttributes(from, attributeBits(attributes), true, target);
      attachMount(from, place, target);
    });
  });
}

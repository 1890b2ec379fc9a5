import type { BindStep, Step } from '../launch/plan.ts';
import { attributeBits, MS } from '../linux/mount-flags.ts';
import { statusOf, withDescriptor } from '../sys/hand/files.ts';
import type { Hand } from '../sys/hand/hand.ts';
import { attachMount, cloneMount, setMountAttributes, setPropagation } from '../sys/hand/mounts.ts';
import { openDirectory, openFilePlace } from './root-targets.ts';
import { bindOnto, openHost, refuseProc } from './stage-mounts.ts';

/**
 * Clones what is to be bound so that later mounts spread: it must happen before all else becomes private, for a clone spreads
 * to and from what its origin does at that moment.
 */
export function cloneSpreading(hand: Hand, steps: readonly Step[]): ReadonlyMap<Step, number> {
  const clones = new Map<Step, number>();
  for (const step of steps) {
    if (step.do !== 'bind' || step.propagation === undefined || step.propagation === 'private') continue;
    const { source } = step;
    const tree = withDescriptor(hand, openHost(hand, source), (from) => cloneMount(hand, from, source));
    setPropagation(hand, tree, MS[step.propagation], source);
    clones.set(step, tree);
  }
  return clones;
}

/** A file or directory of the host at a place of the container. `clone` is one that `cloneSpreading` made. */
export function bindVolume(hand: Hand, rootFd: number, step: BindStep, clone: number | undefined): void {
  const { source, target, attributes } = step;
  withDescriptor(hand, clone ?? openHost(hand, source), (from) => {
    const open = statusOf(hand, from).kind === 'directory' ? openDirectory : openFilePlace;
    withDescriptor(hand, open(hand, rootFd, target, 'inside'), (place) => {
      refuseProc(hand, place, target);
      if (clone === undefined) return bindOnto(hand, from, place, attributes, target);
      setMountAttributes(hand, from, attributeBits(attributes), true, target);
      attachMount(hand, from, place, target);
    });
  });
}

import { writeSync } from 'node:fs';
import { enterCgroupNamespace } from '../sys/namespace.ts';
import type { Cgroups } from './cgroup.ts';
import { DESCRIPTOR, type StageCgroup } from './channel.ts';

/** The descriptors that the stage is to inherit, after those of `DESCRIPTOR`, and what they are to it. */
export function handCgroups({ descriptors }: Pick<Cgroups, 'descriptors'>): {
  readonly inherited: readonly number[];
  readonly cgroups: readonly StageCgroup[];
} {
  const inherited: number[] = [];
  const hand = (fd: number) => DESCRIPTOR.stderr + inherited.push(fd);
  const cgroups = descriptors.map(({ join, leave, late }) => ({
    join: hand(join),
    leave: leave === undefined ? undefined : hand(leave),
    late,
  }));
  return { inherited, cgroups };
}

/** What is mounted from here on shows the container's cgroups as the top of all, so it must be in them as they become that. */
export function enterCgroups(cgroups: readonly StageCgroup[]): void {
  for (const { join } of cgroups) writeSync(join, '0');
  enterCgroupNamespace();
  for (const { late, leave } of cgroups) if (late && leave !== undefined) writeSync(leave, '0');
}

/** As late as privileges allow: their limits hold from now on, while the stage still does what is left. */
export function joinLateCgroups(cgroups: readonly StageCgroup[]): void {
  for (const { late, join } of cgroups) if (late) writeSync(join, '0');
}

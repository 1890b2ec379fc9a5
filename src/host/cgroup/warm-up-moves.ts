import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CgroupFacts } from '../../launch/facts/cgroup-facts.ts';

/**
 * Makes the next move of a process between cgroups fast: moves a helper to the cgroup that it is in, which changes
 * nothing. For a move, the kernel locks out all forks, which takes a grace period of RCU, some 15 ms; for about as long
 * afterwards, further moves need not wait (kernel/rcu/sync.c). This process does other things meanwhile. Where the
 * helper cannot be moved, the next move takes its time.
 * @param pid of a helper that this process has started
 */
export function warmUpMoves({ v1, v2 }: CgroupFacts, pid: number): void {
  const own = v1.find(({ writable }) => writable) ?? v2[0];
  if (own?.writable) writeFile(join(own.directory, 'cgroup.procs'), String(pid)).catch(() => {});
}

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CgroupFacts } from '../../launch/facts/cgroup-facts.ts';

/**
 * Begins to wait for what the next move of a process between cgroups waits for, while this process does other things.
 * The kernel locks out all forks for a move, which takes a grace period of RCU, some 15 ms; for about as long
 * afterwards, further moves need not wait (kernel/rcu/sync.c). A helper is moved to the cgroup that it is in, which
 * changes nothing. Where that fails, the next move takes its time.
 * @param pid of a helper that this process has started
 */
export function beginMoves({ v1, v2 }: CgroupFacts, pid: number): void {
  const own = v1.find(({ writable }) => writable) ?? v2[0];
  if (own?.writable) writeFile(join(own.directory, 'cgroup.procs'), String(pid)).catch(() => {});
}

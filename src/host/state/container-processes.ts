import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { processDirectory } from '../../launch/limits/limits.ts';
import type { ContainerRecord } from './record.ts';

/** The processes of a cgroup and of those below it; empty where it is not there. */
function membersOf(directory: string): readonly number[] {
  try {
    const own = readFileSync(join(directory, 'cgroup.procs'), 'latin1')
      .split('\n')
      .filter((line) => line !== '');
    const below = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return [...own.map(Number), ...below.flatMap(({ name }) => membersOf(join(directory, name)))];
  } catch {
    // The cgroup could not be made, or has ended meanwhile.
    return [];
  }
}

function namespaceOf(pid: number | string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    // The process has ended, or belongs to another user.
    return undefined;
  }
}

/**
 * Finds the processes of a running container: those in its cgroup, else those in its PID namespace, else the first one.
 * @param first host PID of its first process
 * @returns host PIDs in ascending order
 */
export function containerProcesses({ plan }: ContainerRecord, first: number): readonly number[] {
  const found = plan.cgroups.map((cgroup) => membersOf(processDirectory(cgroup))).find((all) => all.includes(first));
  if (found !== undefined) return found.toSorted((one, other) => one - other);
  const own = namespaceOf(first);
  if (own === undefined || !plan.namespaces.includes('pid')) return [first];
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name) && namespaceOf(name) === own)
    .map(Number)
    .toSorted((one, other) => one - other);
}

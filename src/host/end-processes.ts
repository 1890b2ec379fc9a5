import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, TsimgError } from '../errors.ts';
import { CGROUP_FOLDER, type CgroupPlan } from '../launch/limits.ts';
import { containerMark } from '../launch/mounts.ts';
import { openProcess } from '../sys/pidfd.ts';
import { freeze } from './freeze.ts';
import { clearLife, type Life, readLife } from './state/life.ts';
import { hasEnded, hasItEnded, isThere } from './state/process-identity.ts';
import { readRecord } from './state/record.ts';

// The kernel kills a container with its tsimg, by the parent-death signal; but a program may clear that, or be set-user-ID.

const SIGKILL = 9;
/** Milliseconds in which what is killed must be gone: a process in an uninterruptible sleep may never be. */
const PATIENCE = 10_000;
/** Milliseconds between two looks: from quick to patient. */
const FIRST_PAUSE = 5;
const LONGEST_PAUSE = 200;
/** Looks after which what forks faster than it is killed is stopped before it is. */
const HASTY_LOOKS = 3;

/** A file of a process; '' where that is gone, or is not ours to ask. */
function readOf(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1');
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM', 'EINVAL'].includes(errnoOf(error) ?? '')) return '';
    throw error;
  }
}

function mountNamespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    // Gone, or not ours to ask.
    return undefined;
  }
}

/** Tells whether a process is in the cgroup of a container, of whichever version, or sees its mounts. */
function memberTest(id: string): (pid: number) => boolean {
  const cgroup = new RegExp(`/${CGROUP_FOLDER}/${id}(?:/.*)?$`, 'm');
  const mark = ` ${containerMark(id)} `;
  const known = new Map<string, boolean>();
  return (pid) => {
    if (cgroup.test(readOf(pid, 'cgroup'))) return true;
    const namespace = mountNamespaceOf(pid);
    const before = namespace === undefined ? undefined : known.get(namespace);
    if (before !== undefined) return before;
    const marked = readOf(pid, 'mountinfo').includes(mark);
    if (namespace !== undefined) known.set(namespace, marked);
    return marked;
  };
}

/** All processes of a container that run. */
function findMembers(id: string): readonly number[] {
  const isMember = memberTest(id);
  const all = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name));
  return all.map(Number).filter((pid) => pid !== process.pid && isMember(pid) && !hasEnded(pid));
}

/** What is left of a life. */
function findLeft(id: string, life: Life | 'damaged'): readonly number[] {
  if (life !== 'damaged' && life.isFirst) return hasItEnded(life.process) ? [] : [life.process.pid];
  const first = life === 'damaged' || hasItEnded(life.process) ? [] : [life.process.pid];
  return [...new Set([...first, ...findMembers(id)])];
}

/** Kills a process if it is still what it was found to be; false where this user may not. @throws SYSTEM_CALL */
function killMember(pid: number, id: string, life: Life | 'damaged'): boolean {
  try {
    using handle = openProcess(pid);
    // Looked at after it is held: the number cannot change hands in between.
    const isFirst = life !== 'damaged' && life.process.pid === pid && isThere(life.process);
    if (isFirst || memberTest(id)(pid)) handle.signal(SIGKILL);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return true;
    if (errnoOf(error) === 'EPERM') return false;
    throw error;
  }
}

function cgroupsOf(directory: string): readonly CgroupPlan[] {
  try {
    return readRecord(directory)?.plan.cgroups ?? [];
  } catch {
    // A damaged record: its processes are found without it.
    return [];
  }
}

function stillThere(id: string, left: readonly number[], refused: readonly number[]): TsimgError {
  const [pid = 0] = refused.length > 0 ? refused : left;
  const name = readOf(pid, 'comm').trim();
  const why = refused.length > 0 ? 'may not be killed by this user' : 'was killed, and does not end';
  return new TsimgError('CONTAINER_STATE', 'what lives of the container cannot be ended', {
    where: id.slice(0, 12),
    why: `process ${pid} (${name}) ${why}`,
    hint: refused.length > 0 ? 'try again as root' : 'it may wait for a disk or a network share; try again',
    facts: { pid },
  });
}

/**
 * Ends all that lives of a container whose tsimg is gone or has seen its first process end, and returns when it is gone: by what
 * was written down of that process, and where it was not the first of a PID namespace, by cgroup and by mounts. The caller
 * holds the container's lock. Costs a look for a file where everything has ended as it should.
 * @throws CONTAINER_STATE where something does not end in ten seconds, or may not be killed; SYSTEM_CALL
 */
export async function endProcesses({
  id,
  directory,
}: {
  readonly id: string;
  readonly directory: string;
}): Promise<void> {
  const life = readLife(directory);
  if (life === undefined) return;
  const deadline = performance.now() + PATIENCE;
  let pause = FIRST_PAUSE;
  for (let looks = 1; ; looks += 1) {
    const left = findLeft(id, life);
    if (left.length === 0) break;
    const frozen = looks > HASTY_LOOKS ? await freeze(cgroupsOf(directory)) : undefined;
    let refused: readonly number[];
    try {
      refused = (frozen === undefined ? left : findLeft(id, life)).filter((pid) => !killMember(pid, id, life));
    } finally {
      frozen?.[Symbol.dispose]();
    }
    if (performance.now() > deadline || (refused.length > 0 && looks > HASTY_LOOKS))
      throw stillThere(id, left, refused);
    await sleep(pause);
    pause = Math.min(pause * 2, LONGEST_PAUSE);
  }
  clearLife(directory);
}

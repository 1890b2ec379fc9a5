import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, TsimgError } from '../../errors.ts';
import { CGROUP_FOLDER, type CgroupPlan } from '../../launch/limits/limits.ts';
import { containerMark } from '../../launch/plan/mounts.ts';
import { freeze, thaw } from '../cgroup/freeze.ts';
import { clearLife, type Life, readLife } from './life.ts';
import { hasItEnded, identify, openIdentified, type ProcessIdentity } from './process-identity.ts';
import { tryReadRecord } from './record.ts';

// The kernel kills a container with its tsimg by the parent-death signal. A program may clear that signal, or lose it
// by a set-user-ID bit. So the processes of dead containers are looked for and killed.

const SIGKILL = 9;
/** The longest wait for killed processes to end: milliseconds. A process in an uninterruptible sleep may never end. */
const PATIENCE = 10_000;
/** Milliseconds between two searches; the pause doubles. */
const FIRST_PAUSE = 5;
const LONGEST_PAUSE = 200;
/** Searches before the container is frozen: its processes may fork faster than they are killed. */
const HASTY_LOOKS = 3;

/** Reads a file of a process; '' where the process is gone or the caller may not. */
function readOf(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1');
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM', 'EINVAL'].includes(errnoOf(error) ?? '')) return '';
    throw error;
  }
}

function linkOf(pid: number, name: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/${name}`);
  } catch {
    // The process is gone, or the caller may not.
    return undefined;
  }
}

/**
 * Returns a test whether a process is in a cgroup or in the mount namespace of a container. The mark of the namespace
 * is the source name of its devpts mount. This process's own mount namespace does not count, for a container may spread
 * its mounts to the host; and a mount of another type does not, for any user can give it that name.
 */
function memberTest(id: string): (pid: number) => boolean {
  const cgroup = new RegExp(`/${CGROUP_FOLDER}/${id}(?:/.*)?$`, 'm');
  const mark = new RegExp(`^(?:\\S+ ){4}/dev/pts .* - devpts ${containerMark(id)} `, 'm');
  const own = linkOf(process.pid, 'ns/mnt');
  const marked = new Set<string>();
  const unmarked = new Set<string>();
  return (pid) => {
    if (cgroup.test(readOf(pid, 'cgroup'))) return true;
    const namespace = linkOf(pid, 'ns/mnt');
    if (namespace === undefined) return mark.test(readOf(pid, 'mountinfo'));
    if (namespace === own) return false;
    // A process with another root directory may not see the mark.
    const place = `${namespace} ${linkOf(pid, 'root')}`;
    if (!marked.has(namespace) && !unmarked.has(place)) {
      if (mark.test(readOf(pid, 'mountinfo'))) marked.add(namespace);
      else unmarked.add(place);
    }
    return marked.has(namespace);
  };
}

/** Finds all running processes of a container. */
function findMembers(id: string): readonly ProcessIdentity[] {
  const isMember = memberTest(id);
  const names = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name));
  const all = names.map(Number).filter((pid) => pid !== process.pid);
  if (all.filter(isMember).length === 0) return [];
  // A second pass: now a process that does not see the mark is found by others in its namespace. Also, each process is
  // identified before it is tested, so that a later process with the same number is not killed.
  return all.flatMap((pid) => {
    const member = identify(pid);
    return member !== undefined && isMember(pid) && !hasItEnded(member) ? [member] : [];
  });
}

/** Finds the leftover processes of a run. */
function findLeft(id: string, life: Life | 'damaged'): readonly ProcessIdentity[] {
  const first = life === 'damaged' || hasItEnded(life.process) ? [] : [life.process];
  if (life !== 'damaged' && life.isFirst) return first;
  return [...first, ...findMembers(id).filter(({ pid }) => pid !== first[0]?.pid)];
}

/** Kills a process; false where this user may not. @throws SYSTEM_CALL */
function kill(process: ProcessIdentity): boolean {
  try {
    using handle = openIdentified(process);
    handle?.signal(SIGKILL);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EPERM') return false;
    throw error;
  }
}

function cgroupsOf(directory: string): readonly CgroupPlan[] {
  // Without the record, the processes are found too.
  return tryReadRecord(directory)?.plan.cgroups ?? [];
}

function stillThere(id: string, left: readonly ProcessIdentity[], refused: readonly ProcessIdentity[]): TsimgError {
  const pid = (refused[0] ?? left[0])?.pid ?? 0;
  const name = readOf(pid, 'comm').trim();
  const why = refused.length > 0 ? 'may not be killed by this user' : 'was killed, and does not end';
  return new TsimgError('CONTAINER_STATE', 'processes of the container cannot be ended', {
    where: id.slice(0, 12),
    why: `process ${pid} (${name}) ${why}`,
    hint: refused.length > 0 ? 'try again as root' : 'it may wait for a disk or a network share; try again',
    facts: { pid },
  });
}

/**
 * Ends the leftover processes of a container after the end of its first process or of its tsimg, and waits for them.
 * They are found by the recorded first process; where that had no PID namespace of its own, by cgroup and mounts too.
 * The caller holds the container's lock. After an orderly end, this costs a check for one file.
 * @throws CONTAINER_STATE where a process does not end in ten seconds, or may not be killed; SYSTEM_CALL
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
    // A killed process of a paused container ends only when it goes on. freezer-subsystem.rst
    if (looks === 1) thaw(cgroupsOf(directory));
    const frozen = looks > HASTY_LOOKS ? await freeze(cgroupsOf(directory)) : undefined;
    let refused: readonly ProcessIdentity[];
    try {
      refused = (frozen === undefined ? left : findLeft(id, life)).filter((each) => !kill(each));
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

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, TsimgError } from '../../errors.ts';
import { CGROUP_FOLDER, type CgroupPlan } from '../../launch/limits/limits.ts';
import { containerMark } from '../../launch/plan/mounts.ts';
import { freeze } from '../cgroup/freeze.ts';
import { clearLife, type Life, readLife } from './life.ts';
import { hasItEnded, identify, openIdentified, type ProcessIdentity } from './process-identity.ts';
import { readRecord } from './record.ts';

// The kernel kills a container with its tsimg, by the parent-death signal; but a program may clear that, or be
// set-user-ID.

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

function linkOf(pid: number, name: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/${name}`);
  } catch {
    // Gone, or not ours to ask.
    return undefined;
  }
}

/**
 * Tells whether a process is in the cgroup of a container, of whichever version, or in its mount namespace. The
 * container's terminals mark that, but only where they are at home: a container may show them to the host, and any user
 * may give a mount of another kind their name.
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
    // A process that has changed its root directory may not see the mark.
    const place = `${namespace} ${linkOf(pid, 'root')}`;
    if (!marked.has(namespace) && !unmarked.has(place)) {
      if (mark.test(readOf(pid, 'mountinfo'))) marked.add(namespace);
      else unmarked.add(place);
    }
    return marked.has(namespace);
  };
}

/** All processes of a container that run. */
function findMembers(id: string): readonly ProcessIdentity[] {
  const isMember = memberTest(id);
  const names = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name));
  const all = names.map(Number).filter((pid) => pid !== process.pid);
  if (all.filter(isMember).length === 0) return [];
  // Once more: those that do not see the mark are known by others of their namespace. And a process must have been a
  // member when it was already known who it is: whoever gets its number later is not killed.
  return all.flatMap((pid) => {
    const member = identify(pid);
    return member !== undefined && isMember(pid) && !hasItEnded(member) ? [member] : [];
  });
}

/** What is left of a life. */
function findLeft(id: string, life: Life | 'damaged'): readonly ProcessIdentity[] {
  const first = life === 'damaged' || hasItEnded(life.process) ? [] : [life.process];
  if (life !== 'damaged' && life.isFirst) return first;
  return [...first, ...findMembers(id).filter(({ pid }) => pid !== first[0]?.pid)];
}

/** Kills that very process; false where this user may not. @throws SYSTEM_CALL */
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
  try {
    return readRecord(directory)?.plan.cgroups ?? [];
  } catch {
    // A damaged record: its processes are found without it.
    return [];
  }
}

function stillThere(id: string, left: readonly ProcessIdentity[], refused: readonly ProcessIdentity[]): TsimgError {
  const pid = (refused[0] ?? left[0])?.pid ?? 0;
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
 * Ends all that lives of a container whose tsimg is gone or has seen its first process end, and returns when it is
 * gone: by what was written down of that process, and where it was not the first of a PID namespace, by cgroup and by
 * mounts. The caller holds the container's lock. Costs a look for a file where everything has ended as it should.
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

import { readFileSync } from 'node:fs';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';

/** Milliseconds until a wait is reported, and until a wait for a stopped process ends. */
const NOTICE = 3000;
const LONGEST_FOR_STOPPED = 10_000;
/** Milliseconds between two looks at the holders. */
const LOOK = 1000;

/** A process that holds a lock; it may belong to another user. */
interface Holder {
  readonly pid: number;
  readonly name: string;
  /** Stopped by SIGSTOP, a terminal or a debugger: it releases nothing until it continues. */
  readonly isStopped: boolean;
}

/** Reads a file of /proc; undefined where the kernel hides it from this process, or the process is gone. */
function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

/**
 * Returns the file of a descriptor as /proc/locks names it, by the number of its file system: stat(2) has another
 * number on btrfs.
 */
function lockedFile(fd: number): string | undefined {
  const info = readProc(`/proc/self/fdinfo/${fd}`) ?? '';
  const mount = /^mnt_id:\s*(\d+)$/m.exec(info)?.[1];
  const inode = /^ino:\s*(\d+)$/m.exec(info)?.[1];
  const line = (readProc('/proc/self/mountinfo') ?? '').split('\n').find((one) => one.startsWith(`${mount} `));
  const [major, minor] = (line?.split(' ')[2] ?? '').split(':').map((number) => Number(number).toString(16));
  if (inode === undefined || major === undefined || minor === undefined) return undefined;
  return `${major.padStart(2, '0')}:${minor.padStart(2, '0')}:${inode}`;
}

/** Reads a process from proc_pid_stat(5); undefined where it is gone. */
function holderOf(pid: number): Holder | undefined {
  const stat = readProc(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The name of the program, in parentheses, may have any characters
  const end = stat.lastIndexOf(')');
  return { pid, name: stat.slice(stat.indexOf('(') + 1, end), isStopped: ['T', 't'].includes(stat[end + 2] ?? '') };
}

/**
 * Returns the holders of a flock(2) on an open file that /proc/locks shows. Processes of other PID namespaces are
 * missing, and a process that inherited the lock is not shown, only the one that took it.
 */
function lockHolders(fd: number): readonly Holder[] {
  const file = lockedFile(fd);
  if (file === undefined) return [];
  const lines = (readProc('/proc/locks') ?? '').split('\n').map((line) => line.split(/\s+/));
  // The line of a waiting process has an arrow in the second column
  const pids = lines.filter((line) => line[1] === 'FLOCK' && line[5] === file).map((line) => Number(line[4]));
  return [...new Set(pids)].filter((pid) => pid > 0).flatMap((pid) => holderOf(pid) ?? []);
}

const called = ({ pid, name }: Holder): string => (pid === process.pid ? 'this process' : `process ${pid} (${name})`);

/**
 * Watches one wait for a lock. The returned function gets the length of each pause in milliseconds and a descriptor of
 * the file. After three seconds a warning names the lock and its holders. A running holder may take any time, because a
 * pull or an unpack is long; a stopped holder gets ten seconds. The pauses are counted, not the clock, so a wait that
 * was itself stopped, together with the holder, does not report it.
 * @throws BUSY from the returned function
 */
export function watchLockWait(path: string, { onEvent }: Context): (paused: number, fd: number) => void {
  let waited = 0;
  let looked = 0;
  let stoppedFor = 0;
  let told = false;
  return (paused, fd) => {
    waited += paused;
    if (waited - looked < LOOK) return;
    const since = waited - looked;
    looked = waited;
    const holders = lockHolders(fd);
    const stopped = holders.find((holder) => holder.isStopped);
    stoppedFor = stopped === undefined ? 0 : stoppedFor + since;
    if (stopped !== undefined && stoppedFor >= LONGEST_FOR_STOPPED) {
      throw new TsimgError('BUSY', 'a stopped process holds a lock that is needed', {
        where: path,
        why: `${called(stopped)} has not continued for ${LONGEST_FOR_STOPPED / 1000} s`,
        hint: `let it continue (fg, or kill -CONT ${stopped.pid}), or end it (kill -KILL ${stopped.pid})`,
        facts: { pid: stopped.pid },
      });
    }
    if (told || waited < NOTICE) return;
    told = true;
    const named = holders.map((holder) => `${called(holder)}${holder.isStopped ? ', which is stopped' : ''}`);
    const message = `waiting for ${named.join(' and ') || 'another process'} to release ${path}`;
    onEvent?.({ kind: 'warning', message });
  };
}

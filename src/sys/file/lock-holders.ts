import { readFileSync } from 'node:fs';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';

/** After so long a wait is told, and after so long for a process that is stopped it ends: milliseconds. */
const NOTICE = 3000;
const LONGEST_FOR_STOPPED = 10_000;
/** Between two looks at who holds it: milliseconds. */
const LOOK = 1000;

/** Who holds a lock: a process that may be another's. */
interface Holder {
  readonly pid: number;
  readonly name: string;
  /** By SIGSTOP, a terminal or a debugger: it gives nothing back until it goes on. */
  readonly isStopped: boolean;
}

/** A file of /proc; undefined where the kernel does not show it to us, or what it is about is gone. */
function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

/** The file of a descriptor as /proc/locks names it, by its file system's own number: stat(2) tells another one on btrfs. */
function lockedFile(fd: number): string | undefined {
  const info = readProc(`/proc/self/fdinfo/${fd}`) ?? '';
  const mount = /^mnt_id:\s*(\d+)$/m.exec(info)?.[1];
  const inode = /^ino:\s*(\d+)$/m.exec(info)?.[1];
  const line = (readProc('/proc/self/mountinfo') ?? '').split('\n').find((one) => one.startsWith(`${mount} `));
  const [major, minor] = (line?.split(' ')[2] ?? '').split(':').map((number) => Number(number).toString(16));
  if (inode === undefined || major === undefined || minor === undefined) return undefined;
  return `${major.padStart(2, '0')}:${minor.padStart(2, '0')}:${inode}`;
}

/** A process as proc_pid_stat(5) shows it; undefined where it is gone. */
function holderOf(pid: number): Holder | undefined {
  const stat = readProc(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The program's name, in parentheses, may hold anything.
  const end = stat.lastIndexOf(')');
  return { pid, name: stat.slice(stat.indexOf('(') + 1, end), isStopped: ['T', 't'].includes(stat[end + 2] ?? '') };
}

/**
 * Who holds a flock(2) of an open file, as far as /proc/locks shows it: nobody of another PID namespace, and whoever took the lock, not
 * who inherited it.
 */
function lockHolders(fd: number): readonly Holder[] {
  const file = lockedFile(fd);
  if (file === undefined) return [];
  const lines = (readProc('/proc/locks') ?? '').split('\n').map((line) => line.split(/\s+/));
  // A line of who waits has an arrow in the second column.
  const pids = lines.filter((line) => line[1] === 'FLOCK' && line[5] === file).map((line) => Number(line[4]));
  return [...new Set(pids)].filter((pid) => pid > 0).flatMap((pid) => holderOf(pid) ?? []);
}

const called = ({ pid, name }: Holder): string => (pid === process.pid ? 'this process' : `process ${pid} (${name})`);

/**
 * Watches one wait for a lock. Each pause is reported to the returned function with its length in milliseconds and a descriptor of the
 * file. After three seconds a warning tells what is waited for, and who holds it. For a holder that runs the wait may take what
 * it takes, for a pull or an unpack takes long; a holder that is stopped is given ten seconds. Pauses are counted, not the
 * clock: who was stopped together with the holder, by one terminal, is not to complain of it.
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
      throw new TsimgError('BUSY', 'a process that is stopped holds what is needed', {
        where: path,
        why: `${called(stopped)} has not gone on for ${LONGEST_FOR_STOPPED / 1000} s`,
        hint: `let it go on (fg, or kill -CONT ${stopped.pid}), or end it (kill -KILL ${stopped.pid})`,
        facts: { pid: stopped.pid },
      });
    }
    if (told || waited < NOTICE) return;
    told = true;
    const who = holders.map((holder) => `${called(holder)}${holder.isStopped ? ', which is stopped' : ''}`);
    const message = `waiting for ${who.join(' and ') || 'another process'}, to have ${path}`;
    onEvent?.({ kind: 'warning', message });
  };
}

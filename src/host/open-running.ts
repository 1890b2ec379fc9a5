import { closeSync, constants, openSync } from 'node:fs';
import { errnoOf } from '../errors.ts';
import type { ProcessHandle } from '../sys/pidfd.ts';
import { O_PATH } from './own-descriptors.ts';
import { openIdentified, type ProcessIdentity } from './state/process-identity.ts';

/** What is needed to enter a container: held by descriptors, which can never become another's. */
export interface RunningContainer extends Disposable {
  readonly process: ProcessHandle;
  /** Its root directory. */
  readonly root: number;
  /** Files of its namespaces, those that were asked for. */
  readonly namespaces: readonly number[];
}

/**
 * Opens a container by its first process; undefined where that is gone.
 * @param names of /proc/PID/ns that are wanted
 * @throws SYSTEM_CALL
 */
export function openRunning(identity: ProcessIdentity, names: readonly string[]): RunningContainer | undefined {
  const process = openIdentified(identity);
  if (process === undefined) return undefined;
  const opened: number[] = [];
  const close = () => {
    for (const fd of opened) closeSync(fd);
    process[Symbol.dispose]();
  };
  const open = (name: string, flags: number) => {
    const fd = openSync(`/proc/${process.pid}/${name}`, flags);
    opened.push(fd);
    return fd;
  };
  try {
    const root = open('root', O_PATH | constants.O_DIRECTORY);
    const namespaces = names.map((name) => open(`ns/${name}`, constants.O_RDONLY));
    // Still there: what was opened by its number is its own.
    if (process.signal(0)) return { process, root, namespaces, [Symbol.dispose]: close };
  } catch (error) {
    if (!['ENOENT', 'ESRCH'].includes(errnoOf(error) ?? '')) {
      close();
      throw error;
    }
  }
  close();
  return undefined;
}

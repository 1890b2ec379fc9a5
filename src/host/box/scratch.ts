import { Socket } from 'node:net';
import { TsimgError } from '../../errors.ts';
import { mapId } from '../../linux/ids.ts';
import { MS } from '../../linux/mount-flags.ts';
import { O_PATH } from '../../sys/file/open-how.ts';
import { awaitEnd, reap } from '../../sys/stub/call/await-end.ts';
import { dieWithParent, duplicateOnto } from '../../sys/stub/call/become.ts';
import { chownCall, closeCall, makeDirectoryCall, openPathCall } from '../../sys/stub/call/file-calls.ts';
import { MNT_DETACH, mountCall } from '../../sys/stub/call/mounts.ts';
import { forkStub, makePipe } from '../../sys/stub/fork-stub.ts';
import type { Call } from '../../sys/stub/request.ts';
import { callError, stubIsGone } from '../../sys/stub/stub.ts';
import { findTool, TOOL_ENV } from '../facts/tools.ts';
import { collectComplaints } from '../stdio/complaints.ts';
import { executeFirst } from '../steps/command.ts';
import { type Holder, startChild } from './holder.ts';

// The files that a box keeps from one run to the next, and their snapshots: file systems in memory, mounted by the
// holder on empty directories of the container. No other process sees them.

/** The directories of a scratch, which the container sees as `/NAME`. */
export const SCRATCH_FOLDERS = { home: 'sandbox', tmp: 'tmp' } as const;

/** The bounds of a scratch. */
export interface ScratchBounds {
  readonly bytes: number;
  /** The most files, directories and links. */
  readonly files: number;
}

/** The IDs of the holder's that are root in its containers. */
export function rootIds({ idMap }: Holder): { readonly uid: number; readonly gid: number } {
  if (idMap?.by !== 'root') return { uid: 0, gid: 0 };
  return { uid: mapId(idMap.uids, 0) ?? 0, gid: mapId(idMap.gids, 0) ?? 0 };
}

/** The call that mounts an empty file system in memory, which no device or set-user-ID bit works on. */
function memoryCall(path: string, { bytes, files }: ScratchBounds): Call {
  const data = `size=${bytes},nr_inodes=${files},mode=0755`;
  return mountCall({ source: 'tmpfs', target: path, type: 'tmpfs', flags: MS.nosuid | MS.nodev, data });
}

/** Mounts an empty scratch. @throws SYSTEM_CALL */
export function mountScratch(holder: Holder, path: string, bounds: ScratchBounds): void {
  const { uid, gid } = rootIds(holder);
  const directory = openPathCall(path, O_PATH);
  const folders = [
    [SCRATCH_FOLDERS.home, 0o777],
    [SCRATCH_FOLDERS.tmp, 0o1777],
  ] as const;
  const calls = [
    memoryCall(path, bounds),
    directory,
    ...folders.flatMap(([name, mode]) => [
      makeDirectoryCall(directory, name, mode),
      chownCall(directory, name, { uid, gid }),
    ]),
    closeCall(directory),
  ];
  // None is delayed to the next call: a delayed call that fails would be the end of the holder for all its boxes.
  const outcome = holder.stub.attempt(calls);
  if (outcome === undefined) throw stubIsGone();
  if (outcome.result < 0) throw callError(calls[outcome.call]?.name ?? '', outcome.result, path);
}

/** Unmounts a scratch or a snapshot; does nothing where it is not mounted, or the holder is gone. */
export function unmountScratch({ stub }: Holder, path: string): void {
  stub.attempt([{ name: 'umount2', args: [path, MNT_DETACH] }]);
}

/** What is copied, and until when. */
export interface ScratchCopy {
  readonly from: string;
  /** An empty directory. */
  readonly to: string;
  /** Its abort ends the copying. */
  readonly signal: AbortSignal;
}

/**
 * Copies all files of a scratch to another mounted place.
 * @throws LIMIT_EXCEEDED, HOST_UNSUPPORTED, LAUNCH_FAILED; the reason of `signal`
 */
async function copyAll(holder: Holder, { from, to, signal }: ScratchCopy): Promise<void> {
  const cp = findTool('cp');
  if (cp === undefined) {
    throw new TsimgError('HOST_UNSUPPORTED', 'a program is missing', { where: 'cp', hint: 'install coreutils' });
  }
  const { stub, process } = await startChild(holder.stub);
  // The program dies with its parent.
  const end = () => process.kill('SIGKILL');
  signal.addEventListener('abort', end, { once: true });
  try {
    signal.throwIfAborted();
    const child = forkStub(stub);
    dieWithParent(child);
    const { ours, theirs } = makePipe(child, 'read');
    const complaints = collectComplaints(new Socket({ fd: ours, readable: true, writable: false }));
    duplicateOnto(child, theirs, 2);
    const env = Object.entries(TOOL_ENV).map((each) => each.join('='));
    executeFirst(child, { args: [cp, '-a', '--', `${from}/.`, `${to}/`], env });
    child.close();
    const status = await awaitEnd(stub, child.pid);
    if (status !== undefined) reap(stub, child.pid);
    const why = (await complaints).trim().split('\n')[0] ?? '';
    if (status === 0) return;
    signal.throwIfAborted();
    // A process of the box may go deeper step by step than a path can be long.
    if (/File name too long/.test(why)) {
      throw new TsimgError('LIMIT_EXCEEDED', 'the files of a sandbox cannot be copied', {
        why: 'a path there has more than the 4096 bytes that the kernel takes for one',
        hint: 'remove it by a run, or restore an earlier snapshot',
      });
    }
    throw new TsimgError('LAUNCH_FAILED', 'the files of a sandbox cannot be copied', { where: to, why });
  } catch (error) {
    // It may have been ended between two calls.
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener('abort', end);
    stub.close();
    process.kill('SIGKILL');
    await process.ended;
  }
}

/**
 * Mounts a copy of a scratch on an empty directory. A failure leaves nothing there.
 * @throws LIMIT_EXCEEDED, LAUNCH_FAILED, HOST_UNSUPPORTED, SYSTEM_CALL; the reason of the signal
 */
export async function copyScratch(holder: Holder, copy: ScratchCopy, bounds: ScratchBounds): Promise<void> {
  copy.signal.throwIfAborted();
  const memory = memoryCall(copy.to, bounds);
  holder.stub.call(memory.name, memory.args, copy.to);
  try {
    await copyAll(holder, copy);
  } catch (error) {
    unmountScratch(holder, copy.to);
    throw error;
  }
}

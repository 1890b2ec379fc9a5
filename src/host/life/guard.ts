import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { TsimgError } from '../../errors.ts';
import { closeDescriptor } from '../../sys/file/files.ts';
import { makeSocketPair } from '../../sys/process/socket-pair.ts';
import { startProcess } from '../../sys/process/start-process.ts';
import { programEnv } from '../facts/tools.ts';
import type { GuardianMessage } from './guardian-channel.ts';

// The containers that a program runs in its own process die with that process, by the kernel. A directory, a cgroup, a
// lease on the bridge do not. So the first such container starts a guardian: a small process in a session of its own,
// which waits for the end of a socket, and cleans up after the process that held the other end.

const GUARDIAN = fileURLToPath(new URL('../../programs/guardian.cjs', import.meta.url));
/** As those of a monitor (start-monitor.ts). */
const NODE_OPTIONS = ['--v8-pool-size=1'];

/**
 * A guardian that ends after more than this many milliseconds is replaced at once, one that ends sooner with the next
 * container.
 */
const SETTLED = 1000;
/** Starts of a guardian until it is given up. */
const ATTEMPTS = 3;

/** A container that the guardian cleans up when this process is gone. */
export interface Guarded {
  readonly folder: string;
  readonly id: string;
  /** Whether the container is removed then, with its files; otherwise it stays as one that has ended. */
  readonly remove: boolean;
}

/** A network that the guardian removes when this process is gone. */
export interface GuardedNetwork {
  /** The folder of all networks. */
  readonly folder: string;
  readonly id: string;
  readonly name: string;
}

type GuardMessage = Exclude<GuardianMessage, { kind: 'done' }>;

/**
 * The guardian of this thread, by this thread's end of its socket. No other process has that end: a program that is
 * started closes it. It is closed with the thread, as every stream of Node is; so its containers are cleaned up then.
 */
let current: Promise<Socket> | undefined;
/** What is guarded now by its ID, for the next guardian if this one is killed. */
const guarded = new Map<string, GuardMessage>();

async function startGuardian(): Promise<Socket> {
  const [ours, theirs] = makeSocketPair();
  const guardian = new Socket({ fd: ours, readable: true, writable: true });
  // It keeps no program alive. It writes nothing: the end of its side tells that it was killed.
  guardian
    .unref()
    .on('error', () => {})
    .resume();
  try {
    const child = await startProcess(process.execPath, [...NODE_OPTIONS, GUARDIAN], {
      descriptors: ['ignore', 'ignore', 'ignore', theirs],
      env: programEnv(),
      cwd: '/',
      ownSession: true,
    });
    child.release();
    return guardian;
  } catch (error) {
    guardian.destroy();
    throw error;
  } finally {
    closeDescriptor(theirs);
  }
}

/** Tells a guardian; resolves when the kernel has the message, with false where the guardian is gone. */
function tell(guardian: Socket, message: GuardianMessage): Promise<boolean> {
  return new Promise((resolve) => {
    guardian.write(`${JSON.stringify(message)}\n`, (error) => resolve(!error));
  });
}

/** Starts a guardian, and tells it of all that is guarded. One that is killed is replaced. */
async function startTold(): Promise<Socket> {
  const began = Date.now();
  const guardian = await startGuardian();
  const mine = current;
  guardian.once('close', () => {
    if (current !== mine) return;
    current = undefined;
    // One that ended at once is started again with the next container, not without end.
    if (guarded.size > 0 && Date.now() - began > SETTLED) findGuardian().catch(() => {});
  });
  for (const each of guarded.values()) void tell(guardian, each);
  return guardian;
}

/** The guardian of this thread, started where there is none. @throws SYSTEM_CALL */
async function findGuardian(): Promise<Socket> {
  current ??= startTold();
  const mine = current;
  try {
    return await mine;
  } catch (error) {
    if (current === mine) current = undefined;
    throw error;
  }
}

/**
 * Has a container cleaned up if this process ends before `release`, in any way. Resolves when the guardian has been
 * told, so nothing may be made for the container before. @throws SYSTEM_CALL, LAUNCH_FAILED
 */
export async function guard(container: Guarded): Promise<void> {
  await guardBy({ kind: 'guard', ...container });
}

/** Has the record of a network removed if this process ends before `release`. @throws as `guard` */
export async function guardNetwork(network: GuardedNetwork): Promise<void> {
  await guardBy({ kind: 'guard-network', ...network });
}

async function guardBy(message: GuardMessage): Promise<void> {
  guarded.set(message.id, message);
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const guardian = await findGuardian();
      if (await tell(guardian, message)) return;
      // It was killed. Of those that wait here, one starts the next one.
      if ((await current) === guardian) current = undefined;
    }
    const why = 'it ends at once';
    throw new TsimgError('LAUNCH_FAILED', 'the process that cleans up after this one cannot be kept running', { why });
  } catch (error) {
    guarded.delete(message.id);
    throw error;
  }
}

/**
 * Tells the guardian that a container or network has been cleaned up by this process.
 * @param id of the container or network
 */
export async function release(id: string): Promise<void> {
  if (!guarded.delete(id) || current === undefined) return;
  // One that was killed has nothing to forget.
  await tell(await current, { kind: 'done', id });
}

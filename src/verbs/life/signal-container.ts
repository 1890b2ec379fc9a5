import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, TsimgError } from '../../errors.ts';
import { thaw } from '../../host/cgroup/freeze.ts';
import { awaitContainerEnd, containersFolder, type FoundContainer, readContainer } from '../../host/state/container.ts';
import { recordContainerEvent } from '../../host/state/events-file.ts';
import { findContainer } from '../../host/state/find-container.ts';
import { hasItEnded, isStopped, openIdentified } from '../../host/state/process-identity.ts';
import { parseSignal } from '../../linux/signals.ts';
import { CONTAINER_NAME } from '../../store-layout.ts';
import type { ContainersContext } from '../places.ts';

const SIGKILL = 9;
const SIGCONT = 18;
/** Milliseconds between two looks at a container that should end. */
const PAUSE = 100;
// Looks are counted in the place of time: on a busy machine, what delays them also delays the process that is waited
// for, which may be this one.
/** Looks until a stopped tsimg process must have gone on after SIGCONT: two seconds. */
const WAKING = 20;
/** Looks until a running tsimg process must have cleaned up after its container has ended: ten seconds. */
const RELEASE = 100;

/** Options of `stopContainer`. */
export interface StopOptions {
  /** Seconds until SIGKILL; the container's `--stop-timeout` when absent. */
  readonly timeout?: number | undefined;
  /** The signal to send first; the container's stop signal when absent. */
  readonly signal?: string | undefined;
  /** Kills the tsimg process that keeps the container, where it does not end with the container. */
  readonly force?: boolean | undefined;
}

/** The error of a verb that needs a running container. */
export function notRunning({ record }: FoundContainer): TsimgError {
  return new TsimgError('CONTAINER_STATE', 'the container is not running', {
    where: record.name,
    hint: 'start it again (tsimg start); tsimg ps -a shows its state',
  });
}

/**
 * Sends a signal to the container's command, and tells docker's event `kill` before, so that it comes before the
 * command's end. Returns false where the command is not running. A paused command gets it when it goes on.
 * @throws SYSTEM_CALL
 */
export function signalCommand({ folder, record, state }: FoundContainer, number: number): boolean {
  if (state.status !== 'running' || state.process === undefined) return false;
  using command = openIdentified(state.process);
  if (!command?.signal(0)) return false;
  recordContainerEvent(folder, record, 'kill', { signal: String(number) });
  return command.signal(number);
}

/** Whether the container's command still exists. */
function hasCommand({ state }: FoundContainer): boolean {
  if (state.status !== 'running' || state.process === undefined) return false;
  using command = openIdentified(state.process);
  return command?.signal(0) ?? false;
}

/**
 * Leaves the mark that keeps the monitor from starting the container again, and that ends its pause before a restart.
 */
function forbidRestart({ directory }: FoundContainer): void {
  try {
    writeFileSync(join(directory, CONTAINER_NAME.stop), '', { mode: 0o600 });
  } catch (error) {
    // A container with --rm has ended meanwhile, and is removed.
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

/**
 * Ends processes of the container that outlived its tsimg process.
 * @throws CONTAINER_STATE where some cannot be ended
 */
async function checkEnded({ folder, record }: FoundContainer): Promise<void> {
  const found = await readContainer(folder, record.id);
  if (found?.left !== undefined) throw found.left;
}

/** A container whose command has ended, or should have, and whose tsimg process still keeps it. */
interface Holder {
  /** How often it was found like this before. */
  readonly looks: number;
  readonly found: FoundContainer;
}

/**
 * Makes a tsimg process let go of its container. A process that is stopped (SIGSTOP) gets SIGCONT, then SIGKILL. A
 * process that runs may be blocked by a reader that does not read its output: it is killed with `force` only.
 * @throws CONTAINER_STATE where it does not let go and may not be killed
 */
function freeFrom({ looks, found: { record, state } }: Holder, force: boolean): void {
  const { owner } = state;
  if (owner !== undefined && isStopped(owner)) {
    using process = openIdentified(owner);
    process?.signal(looks > WAKING ? SIGKILL : SIGCONT);
    return;
  }
  if (looks < RELEASE) return;
  // A container of this process ends with what it waits for: to kill this process would be no way to free it.
  if (force && owner !== undefined && owner.pid !== process.pid) {
    using process = openIdentified(owner);
    process?.signal(SIGKILL);
    if (looks < 2 * RELEASE) return;
  }
  throw new TsimgError('CONTAINER_STATE', 'the tsimg process of the container does not end', {
    where: record.name,
    why: `process ${owner?.pid ?? 'unknown'} still runs; the reader of its output may not read`,
    hint: 'end that process (kill), or use tsimg rm --force',
  });
}

/**
 * Ends a container: sends the stop signal, then SIGKILL after the timeout. Does nothing where the container has ended.
 * @throws CONTAINER_STATE, USAGE, SYSTEM_CALL; an AbortError on `abort`
 */
export async function endContainer(
  container: FoundContainer,
  { timeout = container.record.stopTimeout, signal = container.record.stopSignal, force = false }: StopOptions,
  abort?: AbortSignal,
): Promise<void> {
  const { number } = parseSignal(signal);
  if (container.left !== undefined) throw container.left;
  if (!container.alive) return;
  forbidRestart(container);
  const { folder, record } = container;
  const deadline = Date.now() + timeout * 1000;
  let ended = false;
  const waiting = new AbortController();
  const signals = AbortSignal.any([waiting.signal, ...(abort === undefined ? [] : [abort])]);
  const end = awaitContainerEnd(container, signals).finally(() => {
    ended = true;
  });
  end.catch(() => {});
  // The container may just be starting, or restarting: each process that it has gets each signal once.
  const asked = new Set<string>();
  let over: Holder | undefined;
  try {
    for (let found: FoundContainer | undefined = container; found !== undefined && !ended; ) {
      const late = Date.now() >= deadline;
      const { status, process } = found.state;
      const key = `${status} ${process?.pid} ${late}`;
      if (!asked.has(key)) signalCommand(found, late ? SIGKILL : number);
      asked.add(key);
      if (found.paused) thaw(found.record.plan.cgroups);
      const isOver =
        late || status === 'exited' || (process !== undefined && status === 'running' && hasItEnded(process));
      over = isOver ? { looks: over === undefined ? 0 : over.looks + 1, found } : undefined;
      if (over !== undefined) freeFrom(over, force);
      const pause = late ? PAUSE : Math.min(PAUSE, deadline - Date.now() + 1);
      // Ends with the wait, so that no timer keeps the program of a caller.
      await Promise.race([end, sleep(pause, undefined, { signal: waiting.signal }).catch(() => {})]);
      found = await readContainer(folder, record.id);
    }
    await end;
  } finally {
    waiting.abort();
  }
  await checkEnded(container);
}

/** Whether the monitor lives and may start the container again: the command may be between two lives. */
function mayLiveAgain({ alive, record, state }: FoundContainer): boolean {
  return alive && record.restart.when !== 'no' && state.startedAt !== undefined;
}

/**
 * Sends a signal to a container's command, as docker's `kill`. SIGKILL also ends the restarts; it resolves when the
 * container has ended. SIGKILL and the stop signal let a paused container go on.
 * @param signal a name or a number; KILL when undefined
 * @throws CONTAINER_NOT_FOUND, CONTAINER_STATE, USAGE, SYSTEM_CALL; an AbortError on the context's `signal`
 */
export async function killContainer(
  wanted: string,
  signal: string | undefined,
  { stateRoot, signal: abort }: ContainersContext,
): Promise<void> {
  const { number } = parseSignal(signal ?? 'KILL');
  const container = await findContainer(containersFolder(stateRoot), wanted);
  if (number === SIGKILL) {
    forbidRestart(container);
    if (!hasCommand(container) && !mayLiveAgain(container)) throw notRunning(container);
    return await endContainer(container, { timeout: 0 }, abort);
  }
  if (!signalCommand(container, number)) throw notRunning(container);
  if (container.paused && number === parseSignal(container.record.stopSignal).number)
    thaw(container.record.plan.cgroups);
}

/**
 * Stops a container, as docker's `stop`: sends the stop signal, then SIGKILL after the timeout. A container that has
 * ended stays as it is.
 * @throws CONTAINER_NOT_FOUND, CONTAINER_STATE, USAGE, SYSTEM_CALL; an AbortError on the context's `signal`
 */
export async function stopContainer(
  wanted: string,
  options: StopOptions,
  { stateRoot, signal: abort }: ContainersContext,
): Promise<void> {
  const container = await findContainer(containersFolder(stateRoot), wanted);
  await endContainer(container, options, abort);
  if (container.alive) recordContainerEvent(container.folder, container.record, 'stop');
}

/**
 * Waits until a container has ended. Resolves with its exit status, or 255 where its tsimg process was killed.
 * @throws CONTAINER_NOT_FOUND, CONTAINER_STATE; an AbortError
 */
export async function waitForContainer(
  wanted: string,
  { stateRoot, signal: abort }: ContainersContext,
): Promise<number> {
  const container = await findContainer(containersFolder(stateRoot), wanted);
  if (container.left !== undefined) throw container.left;
  if (!container.alive) return container.state.exitCode ?? 0;
  const exitCode = await awaitContainerEnd(container, abort);
  await checkEnded(container);
  return exitCode ?? 255;
}

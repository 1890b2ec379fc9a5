import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TsimgError } from '../../errors.ts';
import { awaitEnd, containersFolder, type FoundContainer, readContainer } from '../../host/state/container.ts';
import { findContainer } from '../../host/state/find-container.ts';
import { hasItEnded, isStopped, openIdentified } from '../../host/state/process-identity.ts';
import { parseSignal } from '../../linux/signals.ts';
import { CONTAINER_NAME } from '../../store-layout.ts';
import type { ContainersContext } from '../places.ts';

const SIGKILL = 9;
const SIGCONT = 18;
/** Milliseconds between two looks at a container that is to end. */
const PAUSE = 100;
/** Milliseconds that a stopped tsimg has to go on, and that one which runs has to clean up. */
const WAKING = 2000;
const RELEASE = 10_000;

export interface StopOptions {
  /** Seconds until SIGKILL; the container's own when absent, 10 unless it says otherwise. */
  readonly timeout?: number | undefined;
  /** Instead of the container's own. */
  readonly signal?: string | undefined;
  /** Kills whoever keeps it alive, where that does not end with it. */
  readonly force?: boolean | undefined;
}

export function notRunning({ record }: FoundContainer): TsimgError {
  return new TsimgError('CONTAINER_STATE', 'the container does not run', {
    where: record.name,
    hint: 'tsimg ps -a lists what became of it; tsimg start starts it again',
  });
}

/** Sends a signal to the command; false where it does not run (any more). @throws SYSTEM_CALL */
function signalCommand({ state }: FoundContainer, number: number): boolean {
  if (state.status !== 'running' || state.process === undefined) return false;
  using command = openIdentified(state.process);
  return command?.signal(number) ?? false;
}

/** Keeps the monitor from starting the container again, and ends its pause before the next start. */
function forbidRestart({ directory }: FoundContainer): void {
  writeFileSync(join(directory, CONTAINER_NAME.stop), '', { mode: 0o600 });
}

/** Sends a signal to a container's command: docker's `kill`. @throws CONTAINER_NOT_FOUND, CONTAINER_STATE, USAGE, SYSTEM_CALL */
export async function killContainer(
  wanted: string,
  signal: string | undefined,
  { stateRoot }: ContainersContext,
): Promise<void> {
  const { number } = parseSignal(signal ?? 'KILL');
  const container = await findContainer(containersFolder(stateRoot), wanted);
  if (number === SIGKILL) forbidRestart(container);
  if (signalCommand(container, number)) return;
  if (number !== SIGKILL || container.state.status !== 'restarting') throw notRunning(container);
  // The monitor may be past its last look at the mark: the next life is killed as soon as it is there.
  await endContainer(container, { timeout: 0 });
}

/** Ends what outlived whoever kept the container alive, should that have died. @throws CONTAINER_STATE */
async function checkEnded({ folder, record }: FoundContainer): Promise<void> {
  const found = await readContainer(folder, record.id);
  if (found?.left !== undefined) throw found.left;
}

/** What has become of whoever keeps a container alive whose command has ended, or was killed long ago. */
interface Holder {
  /** When it was first found so, in milliseconds. */
  readonly since: number;
  readonly found: FoundContainer;
}

/**
 * Gets a container out of the hands of a tsimg that is stopped, or that somebody keeps from ending who does not read its output:
 * it is waked first, and killed when that does not help, unless it runs and nobody asked for that.
 * @throws CONTAINER_STATE where it may not be killed
 */
function freeFrom({ since, found: { record, state } }: Holder, force: boolean): void {
  const { owner } = state;
  const waited = Date.now() - since;
  if (owner !== undefined && isStopped(owner)) {
    using process = openIdentified(owner);
    process?.signal(waited > WAKING ? SIGKILL : SIGCONT);
    return;
  }
  if (waited < RELEASE) return;
  if (force && owner !== undefined) {
    using process = openIdentified(owner);
    process?.signal(SIGKILL);
    if (waited < 2 * RELEASE) return;
  }
  throw new TsimgError('CONTAINER_STATE', 'the container’s tsimg does not let go of it', {
    where: record.name,
    why: `process ${owner?.pid ?? 'unknown'} has not ended; somebody may not read its output`,
    hint: 'end it (kill), or tsimg rm --force',
  });
}

/** Ends a container that is there: its own signal, then SIGKILL after the time it is given. */
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
  const end = awaitEnd(container, signals).finally(() => {
    ended = true;
  });
  end.catch(() => {});
  // It may just be starting, or starting again: whichever process it is, each is asked once, and killed when it is late.
  const asked = new Set<string>();
  let over: Holder | undefined;
  try {
    for (let found: FoundContainer | undefined = container; found !== undefined && !ended; ) {
      const late = Date.now() >= deadline;
      const { status, process } = found.state;
      const key = `${status} ${process?.pid} ${late}`;
      if (!asked.has(key)) signalCommand(found, late ? SIGKILL : number);
      asked.add(key);
      const isOver =
        late || status === 'exited' || (process !== undefined && status === 'running' && hasItEnded(process));
      over = isOver ? { since: over?.since ?? Date.now(), found } : undefined;
      if (over !== undefined) freeFrom(over, force);
      const pause = late ? PAUSE : Math.min(PAUSE, deadline - Date.now() + 1);
      await Promise.race([end, sleep(pause)]);
      found = await readContainer(folder, record.id);
    }
    await end;
  } finally {
    waiting.abort();
  }
  await checkEnded(container);
}

/**
 * Stops a container: its stop signal, and SIGKILL if that does not end it in time. One that does not run is left as it is.
 * @throws CONTAINER_NOT_FOUND, USAGE, SYSTEM_CALL; an AbortError on `abort`
 */
export async function stopContainer(
  wanted: string,
  options: StopOptions,
  { stateRoot, signal: abort }: ContainersContext,
): Promise<void> {
  await endContainer(await findContainer(containersFolder(stateRoot), wanted), options, abort);
}

/** Waits until a container has ended: its exit status, 255 where its tsimg was killed. @throws CONTAINER_NOT_FOUND; an AbortError */
export async function waitForContainer(
  wanted: string,
  { stateRoot, signal: abort }: ContainersContext,
): Promise<number> {
  const container = await findContainer(containersFolder(stateRoot), wanted);
  if (container.left !== undefined) throw container.left;
  if (!container.alive) return container.state.exitCode ?? 0;
  const exitCode = await awaitEnd(container, abort);
  await checkEnded(container);
  return exitCode ?? 255;
}

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TsimgError } from '../errors.ts';
import { awaitEnd, containersFolder, type FoundContainer, STOP_MARK } from '../host/state/container.ts';
import { findContainer } from '../host/state/find-container.ts';
import { openIdentified } from '../host/state/process-identity.ts';
import { parseSignal } from '../linux/signals.ts';

const SIGKILL = 9;
const SIGTERM = 15;

export interface StopOptions {
  /** Seconds until SIGKILL; the container's own when absent, 10 unless it says otherwise. */
  readonly timeout?: number | undefined;
  /** Instead of the container's own. */
  readonly signal?: string | undefined;
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

/** Keeps the monitor from starting it again, also where it is just waiting to. */
function forbidRestart({ directory, state }: FoundContainer): void {
  writeFileSync(join(directory, STOP_MARK), '', { mode: 0o600 });
  if (state.status !== 'restarting' || state.owner === undefined) return;
  using owner = openIdentified(state.owner);
  owner?.signal(SIGTERM);
}

/** Sends a signal to a container's command: docker's `kill`. @throws CONTAINER_NOT_FOUND, CONTAINER_STATE, USAGE, SYSTEM_CALL */
export async function killContainer(stateRoot: string, wanted: string, signal = 'KILL'): Promise<void> {
  const { number } = parseSignal(signal);
  const container = await findContainer(containersFolder(stateRoot), wanted);
  if (number === SIGKILL) forbidRestart(container);
  if (!signalCommand(container, number)) throw notRunning(container);
}

/** Ends a container that is there: its own signal, then SIGKILL after the time it is given. */
export async function endContainer(
  container: FoundContainer,
  { timeout = container.record.stopTimeout, signal = container.record.stopSignal }: StopOptions,
  abort?: AbortSignal,
): Promise<void> {
  const { number } = parseSignal(signal);
  if (!container.alive) return;
  forbidRestart(container);
  const kill = setTimeout(() => signalCommand(container, SIGKILL), timeout * 1000);
  try {
    signalCommand(container, number);
    await awaitEnd(container, abort);
  } finally {
    clearTimeout(kill);
  }
}

/**
 * Stops a container: its stop signal, and SIGKILL if that does not end it in time. One that does not run is left as it is.
 * @throws CONTAINER_NOT_FOUND, USAGE, SYSTEM_CALL; an AbortError on `abort`
 */
export async function stopContainer(
  stateRoot: string,
  wanted: string,
  options: StopOptions,
  abort?: AbortSignal,
): Promise<void> {
  await endContainer(await findContainer(containersFolder(stateRoot), wanted), options, abort);
}

/** Waits until a container has ended: its exit status, 255 where its tsimg was killed. @throws CONTAINER_NOT_FOUND; an AbortError */
export async function waitForContainer(stateRoot: string, wanted: string, abort?: AbortSignal): Promise<number> {
  const container = await findContainer(containersFolder(stateRoot), wanted);
  if (!container.alive) return container.state.exitCode ?? 0;
  return (await awaitEnd(container, abort)) ?? 255;
}

import { PassThrough } from 'node:stream';
import type { Context } from '../../events.ts';
import { guard, release } from '../../host/life/guard.ts';
import { liveOnce } from '../../host/life/live.ts';
import type { PlannedContainer } from '../../host/state/container.ts';
import { openLogFile } from '../../host/stdio/log-file.ts';
import type { Streams } from '../../host/stdio/relay.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';

/** How a container lives in this process. */
export interface HereLife extends Context {
  /** Default: the container's log, which `tsimg logs` shows. */
  readonly streams?: Streams | undefined;
  /**
   * Whether the container stays after its end as long as this process, for the caller to look at it and to remove it;
   * the caller calls `leaveHere` then.
   */
  readonly untilExit: boolean;
}

/** The containers that this thread started in itself and that may start again, by their IDs. */
const here = new Map<string, HereLife>();

/** The life of a container in this thread; undefined for one that was started elsewhere, or is not to start again. */
export function lifeHere(id: string): HereLife | undefined {
  return here.get(id);
}

/** Has a container that runs in this thread start again in it too. */
export function stayHere(id: string, life: HereLife): void {
  here.set(id, life);
}

/** Tells that a container has been removed. */
export async function leaveHere(id: string): Promise<void> {
  here.delete(id);
  await release(id);
}

/** Runs the container once; its output goes to the caller's streams, or to its log. */
async function live(
  container: PlannedContainer,
  tools: HostTools,
  { signal, onEvent, streams }: HereLife,
  onRunning: () => void,
): Promise<number> {
  if (streams !== undefined) return await liveOnce(container, tools, { streams, signal, onEvent, onRunning });
  using log = openLogFile(container.directory);
  // With `interactive`, the standard input stays open and gets nothing, as that of a detached container.
  const own = { stdin: new PassThrough(), stdout: log.stdout, stderr: log.stderr };
  return await liveOnce(container, tools, { streams: own, signal, onEvent, onRunning });
}

/** Resolves when the command runs, with the promise of its end. @throws as `liveOnce`, where it does not run */
export function liveHere(
  container: PlannedContainer,
  tools: HostTools,
  life: HereLife,
): Promise<{ readonly ended: Promise<number> }> {
  return new Promise((resolve, reject) => {
    // Begins in a later turn: `ended` is there when the command runs.
    const ended: Promise<number> = Promise.resolve().then(() => live(container, tools, life, () => resolve({ ended })));
    ended.catch(reject);
  });
}

/**
 * Starts an ended container again in this process; resolves when its command runs. Its lock is closed at its end. As
 * before, the guardian cleans up where this process is killed. @throws as `liveOnce`
 */
export async function liveAgainHere(container: PlannedContainer, tools: HostTools, life: HereLife): Promise<void> {
  const { folder, id, lock } = container;
  const leave = async () => {
    await lock.close();
    if (!life.untilExit) await release(id);
  };
  try {
    await guard({ folder, id, remove: life.untilExit });
    const { ended } = await liveHere(container, tools, life);
    ended.finally(leave).catch(() => {});
  } catch (error) {
    await leave();
    throw error;
  }
}

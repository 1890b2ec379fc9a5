import { guard, release } from '../../host/life/guard.ts';
import { containersFolder } from '../../host/state/container.ts';
import type { Streams } from '../../host/stdio/relay.ts';
import type { RunRequest } from '../../launch/plan/run-request.ts';
import { randomHex } from '../../sys/random.ts';
import { liveHere, stayHere } from './live-here.ts';
import {
  type ContainerTarget,
  type PrepareContext,
  type PreparedContainer,
  prepareContainer,
  retryPlain,
} from './prepare-container.ts';

/** What a container in this process takes besides the request. */
export interface HereContext extends PrepareContext {
  /** Default: the container's log, which `tsimg logs` shows. */
  readonly streams?: Streams | undefined;
  /**
   * Whether the container stays after its end as long as this process, for the caller to look at it and to remove it;
   * the caller calls `leaveHere` then. Default: it stays or not as `life.remove` says.
   */
  readonly untilExit?: boolean | undefined;
}

/** A container that runs in this process. */
export interface StartedHere {
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  /**
   * Resolves with the command's exit status when the container has ended and is cleaned up. Rejects with the reason of
   * an abort, or with the error of what failed while it ran; that need not be handled.
   */
  readonly ended: Promise<number>;
}

/**
 * Starts a new container in this process, without a monitor: its output goes to its log, or to the caller's streams. It
 * lives as long as this process, or this thread. Resolves when its command runs. Where this process is killed, the
 * guardian cleans up (host/life/guard.ts). An abort of the signal gives the launch up, or kills the container.
 * @throws as `runContainer`; the signal's reason
 */
export async function startHere(
  target: ContainerTarget,
  request: RunRequest,
  { signal: given, ...rest }: HereContext,
): Promise<StartedHere> {
  // A signal of its own: a program gives dozens of containers one signal, and Node warns of eleven listeners.
  const context = { ...rest, signal: given && AbortSignal.any([given]) };
  const folder = containersFolder(context.stateRoot);
  const remove = context.life?.remove ?? false;
  const untilExit = !remove && (context.untilExit ?? false);
  const isLogged = context.streams === undefined;
  const id = randomHex(32);
  await guard({ folder, id, remove: remove || untilExit });
  let prepared: PreparedContainer | undefined;
  let ran = false;
  const leave = async () => {
    try {
      if (remove || (untilExit && !ran)) await prepared?.remove();
      else await prepared?.lock.close();
    } finally {
      if (!(untilExit && ran)) await release(id);
    }
  };
  try {
    prepared = await prepareContainer(target, request, { ...context, detached: false, isLogged, id });
    const { name } = prepared;
    const life = { ...context, untilExit };
    const running = await retryPlain(prepared, context, (container) =>
      liveHere(container, container.facts.tools, life),
    );
    ran = true;
    if (isLogged && !remove) stayHere(id, { signal: context.signal, onEvent: context.onEvent, untilExit });
    const ended = running.ended.finally(leave);
    ended.catch(() => {});
    return { id, name, ended };
  } catch (error) {
    await leave();
    throw error;
  }
}

import { TsimgError } from '../../errors.ts';
import { ignoresByDefault } from '../../host/stdio/signal-source.ts';
import { parseSignal } from '../../linux/signals.ts';
import { removeContainerOf } from '../../verbs/life/remove-container.ts';
import { stopContainer } from '../../verbs/life/signal-container.ts';
import { inspectContainer } from '../../verbs/look/inspect-container.ts';
import type { ContainersContext } from '../../verbs/places.ts';
import { leaveHere } from '../../verbs/run/live-here.ts';

/** Waits for something that is done with a container; that it is gone is no failure. */
async function unlessGone(action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof TsimgError && error.code === 'CONTAINER_NOT_FOUND')) throw error;
  }
}

/** Kills a container where it runs, and removes it. @throws CONTAINER_STATE, FILESYSTEM */
export async function removeKilled(id: string, context: ContainersContext): Promise<void> {
  await unlessGone(() => removeContainerOf(id, { force: true }, context));
  await leaveHere(id);
}

/** Stops a container as its image wants it, and removes it. @throws as `removeKilled`; SYSTEM_CALL */
export async function removeStopped(id: string, context: ContainersContext): Promise<void> {
  await unlessGone(async () => {
    const { State, Config } = await inspectContainer(id, { stateRoot: context.stateRoot });
    // The first process of a PID namespace never gets a signal that it does not handle: waiting for it is vain.
    const isVain = State.Pid > 0 && ignoresByDefault(State.Pid, parseSignal(Config.StopSignal).number);
    await stopContainer(id, isVain ? { timeout: 0 } : {}, context);
  });
  await removeKilled(id, context);
}

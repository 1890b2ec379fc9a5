import type { FoundContainer } from '../../host/state/container.ts';
import type { EventAction } from '../../host/state/event-actions.ts';
import { recordContainerEvent } from '../../host/state/events-file.ts';
import type { ExecPlan } from '../../launch/plan/plan-exec.ts';
import { randomHex } from '../../sys/random.ts';

/** The most of a command that an event tells: characters. */
const MAX_COMMAND = 256;
/** The status of a command that an abort killed. */
const KILLED = 128 + 9;

/**
 * Runs a command in a container and tells docker's events of it: exec_create, exec_start, exec_die. A detached command
 * outlives this process: nobody tells its end.
 * @param enter calls `onStarted` when the command exists
 */
export async function tellExec(
  { folder, record }: FoundContainer,
  { command, detached }: ExecPlan,
  enter: (onStarted: () => void) => Promise<number>,
): Promise<number> {
  const execID = randomHex(32);
  const words = command.args.join(' ').slice(0, MAX_COMMAND);
  const tell = (action: EventAction<'container'>, attributes: Readonly<Record<string, string>> = {}) =>
    recordContainerEvent(folder, record, action, { execID, ...attributes });
  tell(`exec_create: ${words}`);
  let isStarted = false;
  let status = KILLED;
  try {
    status = await enter(() => {
      isStarted = true;
      tell(`exec_start: ${words}`);
    });
    return status;
  } finally {
    if (isStarted && !detached) tell('exec_die', { exitCode: String(status) });
  }
}

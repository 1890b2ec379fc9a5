import { messageOf } from '../errors.ts';
import { launchExitStatus } from '../launch/exit-status.ts';
import type { HostTools } from '../launch/host-facts.ts';
import type { LaunchPlan } from '../launch/plan.ts';
import { type ExecuteOptions, execute } from './execute.ts';
import { type HeldContainer, leaveExitCode, updateState } from './state/container.ts';
import { identify, type ProcessIdentity } from './state/process-identity.ts';

/**
 * One life of a container, whose lock this process holds: performs its plan, and writes down how it fares. Resolves with the
 * command's exit status. @throws as `execute`; what is written then says why it never ran
 */
export async function liveOnce(
  container: HeldContainer,
  plan: LaunchPlan,
  tools: HostTools,
  options: ExecuteOptions,
): Promise<number> {
  let command: ProcessIdentity | undefined;
  let ran = false;
  let oomKilled = false;
  const now = () => new Date().toISOString();
  try {
    const exitCode = await execute(plan, tools, {
      ...options,
      onEvent(event) {
        oomKilled ||= event.kind === 'out-of-memory';
        options.onEvent?.(event);
      },
      onProcess(pid) {
        command = identify(pid);
        options.onProcess?.(pid);
      },
      onRunning() {
        ran = true;
        updateState(container, {
          status: 'running',
          process: command,
          owner: identify(process.pid),
          startedAt: now(),
          finishedAt: undefined,
          exitCode: undefined,
          error: undefined,
          oomKilled: false,
        });
        options.onRunning?.();
      },
    });
    updateState(container, { status: ran ? 'exited' : 'created', exitCode, finishedAt: now(), oomKilled });
    leaveExitCode(container, exitCode);
    return exitCode;
  } catch (error) {
    const exitCode = launchExitStatus(error);
    updateState(container, {
      status: ran ? 'exited' : 'created',
      exitCode,
      finishedAt: now(),
      error: messageOf(error),
    });
    leaveExitCode(container, exitCode);
    throw error;
  }
}

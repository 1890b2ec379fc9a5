import { messageOf, TsimgError } from '../../errors.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import type { LaunchPlan } from '../../launch/launch-plan.ts';
import { launchExitStatus } from '../../launch/show/exit-status.ts';
import { nodeCallError } from '../../sys/refused-call.ts';
import { type ExecuteOptions, execute } from '../start/execute.ts';
import { type HeldContainer, leaveExitCode, updateState } from '../state/container.ts';
import { endProcesses } from '../state/end-processes.ts';
import { writeLife } from '../state/life.ts';
import { identify, openIdentified, type ProcessIdentity } from '../state/process-identity.ts';
import { readState } from '../state/record.ts';

/**
 * Whoever's network is joined must still be there now that it has been: its process's number was its own all the time
 * then.
 * @throws LAUNCH_FAILED
 */
function checkJoined({ network }: LaunchPlan): void {
  if (network.kind !== 'join' || network.process === undefined) return;
  using joined = openIdentified(network.process);
  if (joined?.signal(0)) return;
  throw new TsimgError('LAUNCH_FAILED', 'the container whose network is joined has ended', {
    where: network.path,
    hint: 'start that one again first',
  });
}

/**
 * One life of a container, whose lock this process holds: performs its plan, and writes down how it fares. Resolves
 * with the command's exit status. @throws as `execute`; what is written then says why it never ran
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
  updateState(container, { owner: identify(process.pid) });
  // Who waits for this life must not find how the last one ended.
  leaveExitCode(container, undefined);
  const failed = () => (ran || readState(container.directory).startedAt !== undefined ? 'exited' : 'created');
  try {
    const exitCode = await execute(plan, tools, {
      ...options,
      onEvent(event) {
        oomKilled ||= event.kind === 'out-of-memory';
        options.onEvent?.(event);
      },
      onProcess(pid) {
        checkJoined(plan);
        command = identify(pid);
        // Before it can run anything: whoever finds this container without us must find its processes.
        if (command !== undefined)
          writeLife(container.directory, { process: command, isFirst: plan.namespaces.includes('pid') });
        options.onProcess?.(pid);
      },
      onEnded: () => endProcesses(container),
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
    updateState(container, { status: failed(), exitCode, finishedAt: now(), oomKilled });
    leaveExitCode(container, exitCode);
    return exitCode;
  } catch (error) {
    const exitCode = launchExitStatus(error);
    updateState(container, {
      status: failed(),
      exitCode,
      finishedAt: now(),
      error: messageOf(nodeCallError(error) ?? error),
    });
    leaveExitCode(container, exitCode);
    throw error;
  }
}

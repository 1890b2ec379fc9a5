import { messageOf, TsimgError } from '../../errors.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import type { LaunchPlan } from '../../launch/launch-plan.ts';
import { launchExitStatus } from '../../launch/show/exit-status.ts';
import { nodeCallError } from '../../sys/refused-call.ts';
import { type ExecuteOptions, execute } from '../start/execute.ts';
import { leaveExitCode, type PlannedContainer, updateState } from '../state/container.ts';
import { endProcesses } from '../state/end-processes.ts';
import { writeLife } from '../state/life.ts';
import { identify, openIdentified, type ProcessIdentity } from '../state/process-identity.ts';
import { readState } from '../state/record.ts';

/**
 * Checks, after a network was joined by the number of its container's process, that this process still exists: then no
 * other process had the number meanwhile. @throws LAUNCH_FAILED
 */
function checkJoined({ network }: LaunchPlan): void {
  if (network.kind !== 'join' || network.process === undefined) return;
  using joined = openIdentified(network.process);
  if (joined?.signal(0)) return;
  throw new TsimgError('LAUNCH_FAILED', 'the container whose network is joined has ended', {
    where: network.path,
    hint: 'start that container first',
  });
}

/**
 * Runs a container once: performs its plan and records its state. Resolves with the command's exit status.
 * @throws as `execute`; the recorded state has the error too
 */
export async function liveOnce(
  container: PlannedContainer,
  tools: HostTools,
  options: ExecuteOptions,
): Promise<number> {
  const { plan } = container;
  let command: ProcessIdentity | undefined;
  let ran = false;
  let oomKilled = false;
  const now = () => new Date().toISOString();
  updateState(container, { owner: identify(process.pid) });
  // `wait` must not return the exit code of the previous run.
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
        // Before it can run anything: if tsimg is killed, the container's processes must be found by this record.
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

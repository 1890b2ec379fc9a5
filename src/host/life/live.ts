import { messageOf, TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import { NEW_HEALTH } from '../../launch/health.ts';
import type { LaunchPlan } from '../../launch/launch-plan.ts';
import type { PublishedPort } from '../../launch/network/publish.ts';
import { withNames } from '../../launch/network/several-networks.ts';
import { launchExitStatus } from '../../launch/show/exit-status.ts';
import { nodeCallError } from '../../sys/refused-call.ts';
import { execute } from '../start/execute.ts';
import type { ExecuteOptions } from '../start/execute-options.ts';
import { leaveExitCode, type PlannedContainer, updateState } from '../state/container.ts';
import { endProcesses } from '../state/end-processes.ts';
import type { EventAction } from '../state/event-actions.ts';
import { recordConnection, recordContainerEvent } from '../state/events-file.ts';
import { writeLife } from '../state/life.ts';
import { identify, openIdentified, type ProcessIdentity } from '../state/process-identity.ts';
import { readRecord, readState, tryReadRecord } from '../state/record.ts';
import type { CheckedContainer } from './watch-health.ts';

/** The status of a command that SIGKILL ended. */
const KILLED = 128 + 9;

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

/** Returns the plan with the container's names of now: it may have been renamed since the plan was made. */
function planNow({ directory, plan }: PlannedContainer): LaunchPlan {
  if (plan.network.kind !== 'bridge') return plan;
  const recorded = tryReadRecord(directory)?.plan.network;
  return recorded?.kind === 'bridge' ? { ...plan, network: withNames(plan.network, recorded.names) } : plan;
}

/** Runs the health check, whose code is loaded only where there is one. It does not end the container when it fails. */
async function watch(container: CheckedContainer, signal: AbortSignal, { onEvent }: Context): Promise<void> {
  try {
    const { watchHealth } = await import('./watch-health.ts');
    await watchHealth(container, signal);
  } catch (error) {
    onEvent?.({ kind: 'warning', message: `the container’s health is not checked any more: ${messageOf(error)}` });
  }
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
  const plan = planNow(container);
  let command: ProcessIdentity | undefined;
  let ports: readonly PublishedPort[] | undefined;
  let ran = false;
  let isConnected = false;
  let oomKilled = false;
  const watching = new AbortController();
  let watched: Promise<void> | undefined;
  const now = () => new Date().toISOString();
  updateState(container, { owner: identify(process.pid) });
  // `wait` must not return the exit code of the previous run.
  leaveExitCode(container, undefined);
  const statusAtEnd = () => (ran || readState(container.directory).startedAt !== undefined ? 'exited' : 'created');
  const tell = (action: EventAction<'container'>, attributes?: Readonly<Record<string, string>>) => {
    const record = readRecord(container.directory);
    if (record !== undefined) recordContainerEvent(container.folder, record, action, attributes);
  };
  const tellEnd = (exitCode: number) => {
    if (oomKilled) tell('oom');
    if (ran) tell('die', { exitCode: String(exitCode) });
    if (isConnected) recordConnection(container.folder, container, 'disconnect');
  };
  try {
    const exitCode = await execute(plan, tools, {
      ...options,
      lastPorts: readState(container.directory).ports,
      onEvent(event) {
        oomKilled ||= event.kind === 'out-of-memory';
        options.onEvent?.(event);
      },
      onProcess(pid) {
        checkJoined(plan);
        command = identify(pid);
        // Recorded before the process can run anything: if tsimg is killed, the container's processes are found by this
        // record.
        if (command !== undefined)
          writeLife(container.directory, { process: command, isFirst: plan.namespaces.includes('pid') });
        options.onProcess?.(pid);
      },
      onConnected(given) {
        ports = given;
        isConnected = true;
        recordConnection(container.folder, container, 'connect');
        options.onConnected?.(given);
      },
      async onEnded() {
        watching.abort();
        await endProcesses(container);
        await options.onEnded?.();
      },
      onRunning() {
        ran = true;
        updateState(container, {
          status: 'running',
          process: command,
          owner: identify(process.pid),
          ports,
          health: plan.health && NEW_HEALTH,
          startedAt: now(),
          finishedAt: undefined,
          exitCode: undefined,
          error: undefined,
          oomKilled: false,
        });
        tell('start');
        if (plan.health !== undefined && command !== undefined)
          watched = watch({ ...container, process: command }, watching.signal, options);
        options.onRunning?.();
      },
    });
    await watched;
    updateState(container, { status: statusAtEnd(), exitCode, finishedAt: now(), oomKilled });
    tellEnd(exitCode);
    leaveExitCode(container, exitCode);
    return exitCode;
  } catch (error) {
    watching.abort();
    await watched;
    // An abort kills a command that runs: that is how it ended, and no failure of tsimg.
    const wasKilled = ran && options.signal?.aborted === true;
    const exitCode = wasKilled ? KILLED : launchExitStatus(error);
    tellEnd(exitCode);
    updateState(container, {
      status: statusAtEnd(),
      exitCode,
      finishedAt: now(),
      error: wasKilled ? undefined : messageOf(nodeCallError(error) ?? error),
    });
    leaveExitCode(container, exitCode);
    throw error;
  }
}

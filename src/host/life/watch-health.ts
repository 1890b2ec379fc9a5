import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../errors.ts';
import { type HealthPlan, type HealthResult, NEW_HEALTH, nextHealth } from '../../launch/health.ts';
import type { LaunchPlan } from '../../launch/launch-plan.ts';
import { type ExecPlan, planExec } from '../../launch/plan/plan-exec.ts';
import { arePaused } from '../cgroup/freeze.ts';
import { enterContainer } from '../exec/enter.ts';
import { probeHost } from '../facts/probe.ts';
import { type HeldContainer, updateState } from '../state/container.ts';
import { recordContainerEvent } from '../state/events-file.ts';
import type { ProcessIdentity } from '../state/process-identity.ts';
import { readRecord, readState } from '../state/record.ts';
import { boundedOutput } from '../stdio/bounded-output.ts';

/** The most bytes of a check's output that are kept: docker's. */
const MAX_OUTPUT = 4096;

/** A container that runs, with a health check. */
export interface CheckedContainer extends HeldContainer {
  readonly plan: LaunchPlan;
  /** Its first process. */
  readonly process: ProcessIdentity;
}

/** Plans the checks of a container: one plan for all of them, because probing the host takes some milliseconds. */
function planCheck(plan: LaunchPlan, { command }: HealthPlan): ExecPlan {
  const request = { command, interactive: false, terminal: false, detached: false, env: [], envFiles: [] };
  return planExec(plan, request, { facts: probeHost(), hostEnv: {} });
}

/** What a check is run with. */
interface Check {
  readonly process: ProcessIdentity;
  readonly timeout: number;
  /** Its plan, which is made when it is first asked for. */
  readonly planned: () => ExecPlan;
}

/** Runs one check. @throws the reason of `signal` */
async function check({ process, timeout, planned }: Check, signal: AbortSignal): Promise<HealthResult> {
  const output = boundedOutput(MAX_OUTPUT);
  const text = () => `${output.bytes().toString('utf8')}${output.isExceeded() ? '...' : ''}`;
  const start = new Date().toISOString();
  const result = (exitCode: number, output: string) => ({ start, end: new Date().toISOString(), exitCode, output });
  const killing = new AbortController();
  const kill = () => killing.abort();
  const timer = setTimeout(kill, timeout);
  signal.addEventListener('abort', kill, { once: true });
  try {
    const streams = { stdin: new PassThrough().end(), stdout: output.stream, stderr: output.stream };
    return result(await enterContainer(planned(), process, { streams, signal: killing.signal }), text());
  } catch (error) {
    signal.throwIfAborted();
    if (killing.signal.aborted) return result(-1, `Health check exceeded timeout (${timeout} ms): ${text()}`);
    return result(-1, messageOf(error).slice(0, MAX_OUTPUT));
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', kill);
  }
}

/**
 * Runs a container's health check until an abort, and records the results in the container's state. A paused container
 * is not checked. As with docker, the first check comes an interval after the start.
 * @param signal aborted when the container has ended
 * @throws FILESYSTEM where the state cannot be written
 */
export async function watchHealth(container: CheckedContainer, signal: AbortSignal): Promise<void> {
  const { plan, directory } = container;
  const { health } = plan;
  if (health === undefined) return;
  const startedAt = Date.now();
  let plannedOnce: ExecPlan | undefined;
  const planned = () => {
    plannedOnce ??= planCheck(plan, health);
    return plannedOnce;
  };
  const read = () => readState(directory).health ?? NEW_HEALTH;
  try {
    for (;;) {
      const isStarting = read().status === 'starting' && Date.now() - startedAt < health.startPeriod;
      await sleep(isStarting ? health.startInterval : health.interval, undefined, { signal });
      if (arePaused(plan.cgroups)) continue;
      const sinceStart = Date.now() - startedAt;
      const result = await check({ process: container.process, timeout: health.timeout, planned }, signal);
      // The end of the container ends its check too.
      signal.throwIfAborted();
      const before = read();
      const after = nextHealth(before, result, health, sinceStart);
      updateState(container, { health: after });
      const record = before.status === after.status ? undefined : readRecord(directory);
      if (record !== undefined) recordContainerEvent(container.folder, record, `health_status: ${after.status}`);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

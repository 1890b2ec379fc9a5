import { setTimeout as sleep } from 'node:timers/promises';
import { readUsage, type Usage } from '../../host/cgroup/read-usage.ts';
import { containersFolder, type FoundContainer } from '../../host/state/container.ts';
import { findContainer, listContainers } from '../../host/state/find-container.ts';
import { openIdentified } from '../../host/state/process-identity.ts';
import { notRunning } from '../life/signal-container.ts';
import type { ContainersContext } from '../places.ts';

/** The resources that a container uses at one moment. */
export interface ContainerStats extends Usage {
  readonly id: string;
  readonly name: string;
  /** Percent of one processor since the last moment; above 100 with several processors. */
  readonly processorPercent?: number | undefined;
}

/** Milliseconds between two moments. */
const PAUSE = 1000;

interface Sample {
  readonly usage: Usage;
  /** Milliseconds. */
  readonly time: number;
}

/** Measures a container; undefined where it is not running. */
function sample({ record, state }: FoundContainer): Sample | undefined {
  if (state.status !== 'running' || state.process === undefined) return undefined;
  // The process is held open while its usage is read, so that its PID cannot be another process's.
  using process = openIdentified(state.process);
  if (process === undefined) return undefined;
  const usage = readUsage(record.plan, state.process.pid);
  return process.signal(0) ? { usage, time: performance.now() } : undefined;
}

function percent(before: Sample, { usage, time }: Sample): number | undefined {
  if (before.usage.processor === undefined || usage.processor === undefined) return undefined;
  return Math.max(0, (usage.processor - before.usage.processor) / ((time - before.time) / 1000)) * 100;
}

/**
 * Returns the containers that are named, which must be running; without names all running ones.
 * @throws CONTAINER_STATE
 */
async function chosen(stateRoot: string, wanted: readonly string[]): Promise<readonly FoundContainer[]> {
  const folder = containersFolder(stateRoot);
  if (wanted.length === 0) {
    return (await listContainers(folder, () => undefined)).filter(({ state }) => state.status === 'running');
  }
  const found: FoundContainer[] = [];
  for (const each of wanted) found.push(await findContainer(folder, each));
  for (const container of found) if (container.state.status !== 'running') throw notRunning(container);
  return found;
}

/**
 * Yields the resources that containers use, once a second. Ends when all containers that are named have ended.
 * @throws CONTAINER_NOT_FOUND, CONTAINER_AMBIGUOUS, CONTAINER_STATE; an AbortError on `signal`
 */
export async function* containerStats(
  wanted: readonly string[],
  { stateRoot, signal }: ContainersContext,
): AsyncGenerator<readonly ContainerStats[]> {
  let containers = await chosen(stateRoot, wanted);
  let before = new Map(containers.map((container) => [container.record.id, sample(container)]));
  for (;;) {
    await sleep(PAUSE, undefined, { signal });
    const now = new Map(containers.map((container) => [container.record.id, sample(container)]));
    const stats = containers.flatMap(({ record: { id, name } }) => {
      const [last, current] = [before.get(id), now.get(id)];
      if (current === undefined) return [];
      return [{ id, name, processorPercent: last && percent(last, current), ...current.usage }];
    });
    if (stats.length === 0 && wanted.length > 0) return;
    yield stats;
    before = now;
    if (wanted.length === 0) containers = await chosen(stateRoot, []);
  }
}

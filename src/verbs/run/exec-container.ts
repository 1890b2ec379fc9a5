import { TsimgError } from '../../errors.ts';
import { enterContainer } from '../../host/exec/enter.ts';
import { probeHost } from '../../host/facts/probe.ts';
import {
  containersFolder,
  type FoundContainer,
  makeContainerDirectory,
  removeContainer,
} from '../../host/state/container.ts';
import { findContainer } from '../../host/state/find-container.ts';
import { writeLife } from '../../host/state/life.ts';
import { identify, type ProcessIdentity } from '../../host/state/process-identity.ts';
import type { Streams } from '../../host/stdio/relay.ts';
import type { SignalSource } from '../../host/stdio/signal-source.ts';
import type { RootSpec } from '../../launch/launch-plan.ts';
import { storedMap } from '../../launch/plan/id-map.ts';
import { type ExecPlan, type ExecRequest, planExec, planToolbox } from '../../launch/plan/plan-exec.ts';
import { isPaused } from '../life/pause-container.ts';
import { notRunning } from '../life/signal-container.ts';
import { type ContainersContext, storePlace } from '../places.ts';
import { volatileRoot } from './plan-container.ts';
import { tellExec } from './tell-exec.ts';

/** The parameters of an exec besides the request. */
export interface ExecContext extends ContainersContext {
  /** `--root`: where the image of a toolbox is kept. */
  readonly root?: string | undefined;
  /** This process's own when absent. */
  readonly streams?: Streams | undefined;
  /** The signals to pass on to the command while it runs; none when absent. */
  readonly signals?: SignalSource | undefined;
  /** Called when the command's process is there: the image of a toolbox was opened before. */
  readonly onStarted?: (() => void) | undefined;
}

/** Returns the first process of a running container. @throws CONTAINER_STATE where it does not run, or is paused */
function commandOf(container: FoundContainer): ProcessIdentity {
  const { alive, state } = container;
  if (container.paused) throw isPaused(container);
  if (alive && state.status === 'running' && state.process !== undefined) return state.process;
  throw notRunning(container);
}

/**
 * Returns the plan of `execInContainer`. Nothing is pulled, unpacked or made.
 * @throws as `execInContainer` and `openImage`
 */
export async function planExecIn(
  wanted: string,
  request: ExecRequest,
  { stateRoot, root: place, signal }: ExecContext,
): Promise<ExecPlan> {
  const container = await findContainer(containersFolder(stateRoot), wanted);
  commandOf(container);
  const { plan } = container.record;
  const around = { facts: probeHost(), hostEnv: process.env };
  if (request.toolbox === undefined) return planExec(plan, request, around);
  const [{ openImage }, { plannedImageRoot }] = await Promise.all([
    import('../image/open-image.ts'),
    import('../layers/image-root.ts'),
  ]);
  await using opened = await openImage(request.toolbox, { root: place, signal });
  const root = plannedImageRoot(opened.image, storePlace({ root: place }), storedMap(plan.idMap));
  return planToolbox(plan, request, { ...around, root, config: opened.image.config.run });
}

/**
 * Runs a command in a running container. Resolves with the command's exit status; for a detached one with 0, once it
 * runs.
 * @throws CONTAINER_NOT_FOUND, CONTAINER_AMBIGUOUS, CONTAINER_STATE, USAGE, LAUNCH_FAILED, HOST_UNSUPPORTED,
 * COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, SYSTEM_CALL: the exit status for each is `launchExitStatus`
 */
export async function execInContainer(wanted: string, request: ExecRequest, context: ExecContext): Promise<number> {
  const { stateRoot, signal, onEvent, signals, onStarted: whenStarted } = context;
  const streams = context.streams ?? { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr };
  if (request.terminal && request.interactive && !('isTTY' in streams.stdin && streams.stdin.isTTY === true)) {
    throw new TsimgError('USAGE', 'standard input is not a terminal', { hint: 'leave out -t or -i' });
  }
  const container = await findContainer(containersFolder(stateRoot), wanted);
  const command = commandOf(container);
  const facts = probeHost();
  const enter = (plan: ExecPlan, onProcess?: (pid: number) => void) =>
    tellExec(container, plan, (onStarted) =>
      enterContainer(plan, command, {
        signal,
        onEvent,
        streams,
        signals,
        onProcess(pid) {
          onStarted();
          whenStarted?.();
          onProcess?.(pid);
        },
      }),
    );
  if (request.toolbox !== undefined) {
    return enterToolbox(container, { ...request, toolbox: request.toolbox }, context, enter);
  }
  return enter(planExec(container.record.plan, request, { facts, hostEnv: process.env }));
}

/** Enters the container with a root made of the toolbox's image, and removes this root when the command has ended. */
async function enterToolbox(
  { folder, record }: FoundContainer,
  request: ExecRequest & { readonly toolbox: string },
  { signal, onEvent, root: place }: ExecContext,
  enter: (plan: ExecPlan, onProcess: (pid: number) => void) => Promise<number>,
): Promise<number> {
  const { withTarget } = await import('./run-source.ts');
  const facts = probeHost();
  return withTarget(request.toolbox, { root: place, signal, onEvent }, async ({ config, openRoot }) => {
    // Without a record other processes see no container here, and sweep the directory if this process is killed.
    const held = await makeContainerDirectory(folder, undefined, { signal });
    try {
      const { root: ownRoot, plainRoot } = await openRoot(held.directory, facts, storedMap(record.plan.idMap));
      const root = volatileRoot(ownRoot);
      const plan = (of: RootSpec) =>
        planToolbox(record.plan, request, { facts, hostEnv: process.env, root: of, config });
      const recordLife = (pid: number) => {
        const process = identify(pid);
        if (process !== undefined) writeLife(held.directory, { process, isFirst: false });
      };
      try {
        return await enter(plan(root), recordLife);
      } catch (error) {
        const refused = error instanceof TsimgError && error.facts.overlayRefused === true;
        if (!refused || plainRoot === undefined) throw error;
        return await enter(plan(await plainRoot()), recordLife);
      }
    } finally {
      await removeContainer(held, { name: held.name, idMap: storedMap(record.plan.idMap), tools: facts.tools });
    }
  });
}

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, messageOf, TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { probeHost } from '../../host/facts/probe.ts';
import { liveOnce } from '../../host/life/live.ts';
import { startMonitor } from '../../host/life/start-monitor.ts';
import {
  containersFolder,
  type HeldContainer,
  makeContainer,
  markKept,
  removeContainer,
} from '../../host/state/container.ts';
import { type RecordedImage, writeRecord, writeState } from '../../host/state/record.ts';
import type { Streams } from '../../host/stdio/relay.ts';
import type { HostFacts } from '../../launch/facts/host-facts.ts';
import type { IdMap, LaunchPlan, RootSpec } from '../../launch/launch-plan.ts';
import { planUserNamespace, storedMap } from '../../launch/plan/id-map.ts';
import type { RunRequest } from '../../launch/plan/run-request.ts';
import { parseSignal } from '../../linux/signals.ts';
import type { RunConfig } from '../../oci/run-config.ts';
import { CONTAINER_NAME } from '../../store-layout.ts';
import { workingDirectory } from '../../sys/file/working-directory.ts';
import { fillVolumes } from '../changes/fill-volumes.ts';
import { checkTerminal, cidFileError } from './check-request.ts';
import { joinedProcess } from './joined-process.ts';
import { type LifeOptions, parseLife } from './life-request.ts';
import { planContainer } from './plan-container.ts';
import { removeNamed } from './remove-container.ts';

/** What a container is made of. */
export interface ContainerTarget {
  readonly config: RunConfig;
  /** Absent for a root filesystem. */
  readonly image?: RecordedImage | undefined;
  /** Makes its root; what is the container's own of it lies in `directory`. `idMap` is the one that its files are stored by. */
  openRoot(
    directory: string,
    facts: HostFacts,
    idMap: IdMap | undefined,
  ): Promise<{
    readonly root: RootSpec;
    /** The same without an overlay, for where none can be mounted. */
    readonly plainRoot?: () => Promise<RootSpec>;
  }>;
}

/** What a run takes besides the request. */
export interface RunContext extends Context {
  /** Where containers are kept: a store's folder, or what stands for it where there is none. */
  readonly stateRoot: string;
  readonly life?: LifeOptions | undefined;
  /** This process's own when absent. */
  readonly streams?: Streams | undefined;
  /**
   * Whether the signals that this process gets are the container's while it runs (yes, when absent). `signal` ends only what
   * comes before, then; else it kills the container.
   */
  readonly passSignals?: boolean | undefined;
  /** Is told the plan before it is performed. */
  readonly onPlan?: ((plan: LaunchPlan) => void) | undefined;
  /** Is told when the image is needed no more: the container has its root, and its command comes next. */
  readonly onStarted?: (() => void) | undefined;
  /** What is known of the host; looked at when absent. */
  readonly host?: HostFacts | undefined;
  /** An OCI runtime that performs the plan instead of tsimg: `crun`, `runc`, or a path. The streams are this process's own. */
  readonly runtime?: string | undefined;
}

const ROOT_TO_COME: RootSpec = { kind: 'directory', path: '' };

/** A container that is recorded and not yet started. */
interface Prepared extends HeldContainer {
  readonly plan: LaunchPlan;
  readonly facts: HostFacts;
  /** Records it anew with a root that is no overlay; undefined where it has none to begin with. */
  readonly withPlainRoot: (() => Promise<Prepared>) | undefined;
  remove(): Promise<void>;
}

async function writeCidFile(path: string, id: string): Promise<void> {
  try {
    await writeFile(path, id, { flag: 'wx' });
  } catch (cause) {
    throw cidFileError(path, errnoOf(cause) === 'EEXIST' ? 'it is there already' : messageOf(cause), cause);
  }
}

/** What `stop` is to send; refused now rather than when it is too late to choose another. podman refuses it too. @throws USAGE */
function imageStopSignal({ stopSignal }: RunConfig): string {
  if (stopSignal === '') return 'SIGTERM';
  try {
    return parseSignal(stopSignal).name;
  } catch (cause) {
    throw new TsimgError('USAGE', 'the image’s StopSignal is no signal', {
      where: stopSignal,
      hint: 'choose one: --stop-signal TERM',
      cause,
    });
  }
}

/** Makes, plans and records a container; what fails on the way leaves nothing. */
async function prepare(
  target: ContainerTarget,
  request: RunRequest,
  detached: boolean,
  context: RunContext,
): Promise<Prepared> {
  const life = parseLife(context.life ?? {}, detached);
  const { config, image } = target;
  const stopSignal = life.stopSignal ?? imageStopSignal(config);
  const joined = await joinedProcess(context.stateRoot, request);
  if (life.replace !== undefined) await removeNamed(context.stateRoot, life.replace, context.signal);
  const held = await makeContainer(containersFolder(context.stateRoot), life.name, context.signal);
  const facts = context.host ?? probeHost();
  let plan: LaunchPlan | undefined;
  const remove = () => removeContainer(held, held.name, storedMap(plan?.idMap), facts.tools);
  try {
    const idMap = storedMap(planUserNamespace(facts, request.userns));
    const volumes = join(held.directory, CONTAINER_NAME.volumes);
    const around = { id: held.id, name: held.name, host: facts, joined, volumes };
    // What is wrong with the request is told before an image is unpacked for it.
    const { plan: draft, facts: found } = planContainer(ROOT_TO_COME, config, request, around);
    const { root: firstRoot, plainRoot } = await target.openRoot(held.directory, facts, idMap);
    const record = (root: RootSpec): Prepared => {
      plan = { ...draft, steps: draft.steps.map((step) => (step.do === 'root' ? { ...step, root } : step)) };
      writeRecord(held.directory, {
        version: 1,
        id: held.id,
        name: held.name,
        created: new Date().toISOString(),
        image,
        labels: { ...config.labels, ...life.labels },
        remove: life.remove,
        detached,
        restart: life.restart,
        stopSignal,
        stopTimeout: life.stopTimeout,
        root,
        config,
        request,
        cwd: workingDirectory(),
        plan,
      });
      writeState(held.directory, { status: 'created', restarts: 0 });
      if (!life.remove) markKept(held);
      const withPlainRoot = plainRoot === undefined ? undefined : async () => record(await plainRoot());
      return { ...held, plan, facts: found, withPlainRoot, remove };
    };
    const prepared = await withVolumes(record(firstRoot), context);
    if (life.cidFile !== undefined) await writeCidFile(life.cidFile, held.id);
    context.onPlan?.(prepared.plan);
    return prepared;
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Whether the kernel mounts no overlay. */
function isOverlayRefused(error: unknown): error is TsimgError {
  return error instanceof TsimgError && error.facts.overlayRefused === true;
}

/** Fills the volumes that the image names. They are found in the container's root, which is mounted for it. */
async function withVolumes(prepared: Prepared, context: Context): Promise<Prepared> {
  try {
    await fillVolumes(prepared.plan, prepared.facts.tools, context);
    return prepared;
  } catch (error) {
    if (!isOverlayRefused(error) || prepared.withPlainRoot === undefined) throw error;
    const plain = await copied(prepared.withPlainRoot, error, context);
    await fillVolumes(plain.plan, plain.facts.tools, context);
    return plain;
  }
}

async function copied(copy: () => Promise<Prepared>, error: TsimgError, { onEvent }: Context): Promise<Prepared> {
  onEvent?.({ kind: 'warning', message: `${error.message}: the image is copied for this container` });
  return await copy();
}

/** Starts it; and once more, with a copy of the image's files, where the kernel mounts no overlay. */
async function start<T>(prepared: Prepared, context: Context, launch: (prepared: Prepared) => Promise<T>): Promise<T> {
  try {
    return await launch(prepared);
  } catch (error) {
    if (!isOverlayRefused(error) || prepared.withPlainRoot === undefined) throw error;
    return await launch(await copied(prepared.withPlainRoot, error, context));
  }
}

/**
 * The same by an OCI runtime, which keeps what it knows of a container to itself: nothing is kept here. It makes no bridge and
 * starts no pasta: without a word for a network, there is none.
 */
async function runByRuntime(
  target: ContainerTarget,
  request: RunRequest,
  context: RunContext & { readonly runtime: string },
): Promise<number> {
  const { runInRuntime } = await import('../../host/start/run-runtime.ts');
  const life = { ...context.life, remove: true };
  const prepared = await prepare(target, { ...request, network: request.network ?? 'none' }, false, {
    ...context,
    life,
  });
  try {
    for (const message of prepared.plan.warnings) context.onEvent?.({ kind: 'warning', message });
    return await start(prepared, context, ({ plan, id }) =>
      runInRuntime(plan, context.runtime, `tsimg-${id.slice(0, 16)}`),
    );
  } finally {
    await prepared.remove();
  }
}

/**
 * Runs one container in the foreground; resolves with its command's exit status when it is gone.
 * @throws USAGE, CONTAINER_EXISTS, LAUNCH_FAILED, HOST_UNSUPPORTED, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE,
 * LIMIT_EXCEEDED, SYSTEM_CALL: the exit status for each is `launchExitStatus`
 */
export async function runContainer(target: ContainerTarget, request: RunRequest, context: RunContext): Promise<number> {
  const streams = context.streams ?? { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr };
  checkTerminal(request, streams.stdin);
  const { signal, onEvent, passSignals = true, runtime } = context;
  if (runtime !== undefined) return await runByRuntime(target, request, { ...context, runtime });
  const prepared = await prepare(target, request, false, context);
  try {
    return await start(prepared, context, ({ plan, facts }) =>
      // Signals that are passed on may abort `signal` too, which was for the preparation then.
      liveOnce(prepared, plan, facts.tools, {
        signal: passSignals ? undefined : signal,
        onEvent,
        passSignals,
        streams,
        onStarted: context.onStarted,
      }),
    );
  } finally {
    if (context.life?.remove) await prepared.remove();
    else await prepared.lock.close();
  }
}

/**
 * Starts a container in the background, below a monitor of its own; resolves with its ID when its command runs.
 * @throws as `runContainer`
 */
export async function startContainer(
  target: ContainerTarget,
  request: RunRequest,
  context: RunContext,
): Promise<string> {
  const prepared = await prepare(target, request, true, context);
  try {
    await start(prepared, context, ({ facts }) => startMonitor(prepared, facts.tools, context));
  } catch (error) {
    if (context.life?.remove) await prepared.remove();
    throw error;
  } finally {
    await prepared.lock.close();
  }
  return prepared.id;
}

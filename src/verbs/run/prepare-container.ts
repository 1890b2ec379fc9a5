import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, messageOf, TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { probeHost } from '../../host/facts/probe.ts';
import {
  containersFolder,
  makeContainerDirectory,
  markKept,
  type PlannedContainer,
  removeContainer,
} from '../../host/state/container.ts';
import { recordContainerEvent } from '../../host/state/events-file.ts';
import {
  type ContainerRecord,
  type RecordedImage,
  readRecord,
  writeRecord,
  writeState,
} from '../../host/state/record.ts';
import type { HostFacts } from '../../launch/facts/host-facts.ts';
import type { IdMap, LaunchPlan, RootSpec } from '../../launch/launch-plan.ts';
import { planUserNamespace, storedMap } from '../../launch/plan/id-map.ts';
import type { RunRequest } from '../../launch/plan/run-request.ts';
import { parseSignal } from '../../linux/signals.ts';
import type { RunConfig } from '../../oci/run-config.ts';
import { CONTAINER_NAME } from '../../store-layout.ts';
import { workingDirectory } from '../../sys/file/working-directory.ts';
import { fillVolumes } from '../changes/fill-volumes.ts';
import { removeNamed } from '../life/remove-container.ts';
import type { ContainersContext } from '../places.ts';
import { removeVolume } from '../volumes/manage-volumes.ts';
import { volumesFolder } from '../volumes/named-volumes.ts';
import { withVolumes } from '../volumes/use-volumes.ts';
import { cidFileError } from './check-request.ts';
import { foundNetwork } from './found-network.ts';
import { type LifeRequest, parseLife } from './life-request.ts';
import { planContainer, volatileRoot } from './plan-container.ts';

/** The root of a new container. */
export interface OpenedRoot {
  readonly root: RootSpec;
  /** Makes the same root without an overlay, for hosts that refuse to mount one. */
  readonly plainRoot?: () => Promise<RootSpec>;
}

/** The image or root filesystem that a container is made of. */
export interface ContainerTarget {
  readonly config: RunConfig;
  /** Absent for a root filesystem. */
  readonly image?: RecordedImage | undefined;
  /**
   * Makes the root of a container.
   * @param directory the container's own, for its part of the root
   * @param idMap the map by which the container's files are stored
   */
  openRoot(directory: string, facts: HostFacts, idMap: IdMap | undefined): Promise<OpenedRoot>;
}

/** The parameters of a preparation besides the request. */
export interface PrepareContext extends ContainersContext {
  readonly life?: LifeRequest | undefined;
  /** Called with the plan before it is performed. */
  readonly onPlan?: ((plan: LaunchPlan) => void) | undefined;
  /** Facts about the host; probed when absent. */
  readonly host?: HostFacts | undefined;
  /** Whether the end of an attached process's input is the end of the container's. */
  readonly inputOnce?: boolean | undefined;
}

/** A container that is recorded and not yet started. */
export interface PreparedContainer extends PlannedContainer {
  readonly name: string;
  readonly facts: HostFacts;
  /** Records the container anew with a root that is no overlay; undefined where its root is no overlay already. */
  readonly withPlainRoot: (() => Promise<PreparedContainer>) | undefined;
  remove(): Promise<void>;
}

/** The parts of a record that do not depend on the root. */
type Identity = Omit<ContainerRecord, 'version' | 'created' | 'root' | 'plan' | 'cwd'>;

/** Stands in the draft of a plan until the container's root is made. */
const ROOT_TO_COME: RootSpec = { kind: 'directory', path: '' };

/**
 * The signal that `stop` sends. An unknown name is refused here, as podman does: later it could not be changed any
 * more.
 * @throws USAGE
 */
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

function withRoot(draft: LaunchPlan, root: RootSpec): LaunchPlan {
  return { ...draft, steps: draft.steps.map((step) => (step.do === 'root' ? { ...step, root } : step)) };
}

/** Writes the record and the first state, which make the directory a container for other processes. */
function recordContainer(container: PlannedContainer, root: RootSpec, identity: Identity): void {
  const { directory, plan } = container;
  const created = new Date().toISOString();
  writeRecord(directory, { version: 1, ...identity, created, root, cwd: workingDirectory(), plan });
  writeState(directory, { status: 'created', restarts: 0 });
  if (!identity.remove) markKept(container);
}

async function writeCidFile(path: string, id: string): Promise<void> {
  try {
    await writeFile(path, id, { flag: 'wx' });
  } catch (cause) {
    throw cidFileError(path, errnoOf(cause) === 'EEXIST' ? 'it exists already' : messageOf(cause), cause);
  }
}

/** Removes a volume that was made for a container that could not be made, unless another container has it now. */
async function removeUnused(name: string, context: ContainersContext): Promise<void> {
  try {
    // The signal that may have ended the preparation does not end its cleanup.
    await removeVolume(name, { force: true }, { ...context, signal: undefined });
  } catch (error) {
    if (!(error instanceof TsimgError) || error.code !== 'VOLUME_IN_USE') throw error;
  }
}

/** Options that the callers of `prepareContainer` set, not the user. */
interface PrepareOptions extends PrepareContext {
  readonly detached: boolean;
  /** Whether its output goes to its log. Default: where it is detached. */
  readonly isLogged?: boolean;
  /** The container's ID, for a caller that has it guarded before anything is made for it; made up when absent. */
  readonly id?: string | undefined;
  /** Whether the container is removed when this process ends, if not before. */
  readonly untilExit?: boolean | undefined;
}

/**
 * Makes, plans and records a container, and fills its volumes. A failure on the way leaves nothing.
 * @throws USAGE, CONTAINER_EXISTS, HOST_UNSUPPORTED, LAUNCH_FAILED; what `target.openRoot` throws
 */
export async function prepareContainer(
  target: ContainerTarget,
  request: RunRequest,
  { detached, isLogged = detached, id: given, ...context }: PrepareOptions,
): Promise<PreparedContainer> {
  const life = parseLife(context.life ?? {}, detached);
  const { config, image } = target;
  const stopSignal = life.stopSignal ?? imageStopSignal(config);
  const network = await foundNetwork(context.stateRoot, request);
  const facts = context.host ?? probeHost();
  const idMap = storedMap(planUserNamespace(facts, request.userns));
  if (life.replace !== undefined) await removeNamed(life.replace, context);
  const held = await makeContainerDirectory(containersFolder(context.stateRoot), life.name, {
    signal: context.signal,
    id: given,
  });
  const { id, name, directory } = held;
  const remove = () => removeContainer(held, { name, idMap, tools: facts.tools });
  const made: string[] = [];
  try {
    const volumes = join(directory, CONTAINER_NAME.volumes);
    // The request is checked by planning it before an image is unpacked for it.
    const around = {
      root: ROOT_TO_COME,
      id,
      name,
      host: facts,
      ...network,
      volumes,
      namedVolumes: volumesFolder(context.stateRoot),
    };
    const draft = planContainer(config, request, around);
    const { root: ownRoot, plainRoot } = await target.openRoot(directory, facts, idMap);
    const { remove: isRemoved, restart, stopTimeout } = life;
    const firstRoot = isRemoved || context.untilExit ? volatileRoot(ownRoot) : ownRoot;
    const labels = { ...config.labels, ...life.labels };
    const { inputOnce } = context;
    const how = { remove: isRemoved, detached: isLogged, inputOnce, restart, stopSignal, stopTimeout };
    const prepared = (root: RootSpec): PreparedContainer => {
      const planned = { ...held, plan: withRoot(draft.plan, root) };
      recordContainer(planned, root, { id, name, image, labels, ...how, config, request });
      const withPlainRoot = plainRoot && (async () => prepared(await plainRoot()));
      return { ...planned, name, facts: draft.facts, withPlainRoot, remove };
    };
    const first = await withVolumes(draft.plan, { ...context, onMade: (each) => made.push(each) }, () =>
      prepared(firstRoot),
    );
    const container = await retryPlain(first, context, async (of) => {
      await fillVolumes(of.plan, of.facts.tools, context);
      return of;
    });
    if (life.cidFile !== undefined) await writeCidFile(life.cidFile, id);
    context.onPlan?.(container.plan);
    const record = readRecord(directory);
    if (record !== undefined) recordContainerEvent(held.folder, record, 'create');
    return container;
  } catch (error) {
    await remove();
    for (const each of made) await removeUnused(each, context);
    throw error;
  }
}

/**
 * Does something with a container's root, and once more with a copy of the image's files where the kernel refuses to
 * mount an overlay. @throws what the action throws
 */
export async function retryPlain<T>(
  prepared: PreparedContainer,
  { onEvent }: Context,
  action: (prepared: PreparedContainer) => Promise<T>,
): Promise<T> {
  try {
    return await action(prepared);
  } catch (error) {
    const isRefused = error instanceof TsimgError && error.facts.overlayRefused === true;
    if (!isRefused || prepared.withPlainRoot === undefined) throw error;
    onEvent?.({ kind: 'warning', message: `${error.message}: the image is copied for this container` });
    return await action(await prepared.withPlainRoot());
  }
}

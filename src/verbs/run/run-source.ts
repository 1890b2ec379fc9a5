import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { probeHost } from '../../host/facts/probe.ts';
import type { Streams } from '../../host/stdio/relay.ts';
import type { SignalSource } from '../../host/stdio/signal-source.ts';
import type { Image } from '../../image/image.ts';
import type { HostFacts } from '../../launch/facts/host-facts.ts';
import type { LaunchPlan } from '../../launch/launch-plan.ts';
import { planUserNamespace, storedMap } from '../../launch/plan/id-map.ts';
import { completeRequest, type RunInput, type RunRequest } from '../../launch/plan/run-request.ts';
import { parseReference, refuseHostAlone } from '../../oci/reference.ts';
import { EMPTY_RUN_CONFIG } from '../../oci/run-config.ts';
import { parseSourceSpec } from '../../sources/parse-spec.ts';
import { CONTAINER_NAME } from '../../store-layout.ts';
import type { ImageOptions, OpenedImage } from '../image/open-image.ts';
import type { RepairOptions } from '../image/repair-stored.ts';
import { statePlace, storePlace } from '../places.ts';
import { volumesFolder } from '../volumes/named-volumes.ts';
import { checkPlan, checkRequest, checkTerminal } from './check-request.ts';
import { foundNetwork } from './found-network.ts';
import type { LifeRequest } from './life-request.ts';
import { directoryRoot, planContainer, volatileRoot } from './plan-container.ts';
import type { ContainerTarget } from './prepare-container.ts';
import { type RunContext, runContainer } from './run-container.ts';
import { createContainer, startContainer } from './start-container.ts';
import { type HereContext, type StartedHere, startHere } from './start-here.ts';

/** Whether a reference is pulled before it runs: docker's `--pull`. */
export type PullPolicy = 'always' | 'missing' | 'never';

/** How a container is run, besides the request. */
export interface RunSourceOptions extends ImageOptions, Context {
  /** The life of the container: its name, whether it is removed or started again. */
  readonly life?: LifeRequest | undefined;
  /** Default `missing`. */
  readonly pull?: PullPolicy | undefined;
  /** The signals to pass on to the command while it runs; none when absent. Used by `runSource` only. */
  readonly signals?: SignalSource | undefined;
  /**
   * The streams of the command. Default: this process's own; for `startSourceHere`, the container's log. Not used by
   * `startSource`, whose container has its log.
   */
  readonly streams?: Streams | undefined;
  /** Called when all is prepared and the command comes next. Used by `runSource` only. */
  readonly onStarted?: (() => void) | undefined;
  /** Called with the plan before it is performed. */
  readonly onPlan?: ((plan: LaunchPlan) => void) | undefined;
  /** An OCI runtime that performs the plan: `crun`, `runc`, or a path. */
  readonly runtime?: string | undefined;
}

/** Whether the operand is a root filesystem: a directory that is neither an OCI layout nor skopeo's `dir:`. */
function isRootfs(text: string): boolean {
  const spec = parseSourceSpec(text);
  if (spec.kind !== 'path' || !statSync(spec.path, { throwIfNoEntry: false })?.isDirectory()) return false;
  const has = (name: string) => statSync(join(spec.path, name), { throwIfNoEntry: false })?.isFile() === true;
  return !has('oci-layout') && !(has('manifest.json') && has('version'));
}

/** Damaged blobs are fetched again, unless `--pull never` forbids it. */
async function repairOptions(options: RunSourceOptions): Promise<RepairOptions> {
  const { repairPlaces } = await import('../image/open-image.ts');
  const places = repairPlaces(options);
  return options.pull === 'never' ? { ...places, openRegistry: undefined } : places;
}

/** Whether a word names a file that is no image, and whose name does not look like an image's file either. */
function isNoImage(text: string, error: unknown): boolean {
  return (
    error instanceof TsimgError && error.facts.noImage === true && !/\.(tar|tgz|gz|bz2|xz|zst|zip|oci)$/i.test(text)
  );
}

/** Whether the store lacks a reference, or its image for the platform. */
function isMissing(error: unknown): boolean {
  return error instanceof TsimgError && (error.code === 'IMAGE_NOT_FOUND' || error.code === 'PLATFORM_NOT_FOUND');
}

/**
 * Opens the image of an operand. A reference that is not in the store, or not for the platform, is pulled, as docker
 * and podman do.
 */
async function openOrPull(text: string, options: RunSourceOptions): Promise<OpenedImage> {
  // Loading registries and schemas takes longer than starting a root filesystem, so it happens here, where they are
  // needed.
  const { openImage } = await import('../image/open-image.ts');
  const { pullToStore } = await import('../image/pull-to-store.ts');
  const { completeName } = await import('../../registry/mirrors/short-name.ts');
  const { withRepair } = await import('../image/repair-stored.ts');
  const { pull = 'missing' } = options;
  const isWord = parseSourceSpec(text).kind === 'word';
  const found = isWord ? statSync(text, { throwIfNoEntry: false }) : undefined;
  const isReference = isWord && !found?.isFile();
  const pulled = async (): Promise<string> => {
    refuseHostAlone(text);
    const name = await completeName(text, options);
    await pullToStore(parseReference(name), options);
    return name;
  };
  const wanted = isReference && pull === 'always' ? await pulled() : text;
  try {
    return await withRepair([wanted], await repairOptions(options), () => openImage(wanted, options));
  } catch (error) {
    const mayPull = (isReference && isMissing(error)) || isNoImage(text, error);
    if (!mayPull || pull !== 'missing') throw error;
  }
  if (found?.isDirectory() || found?.isFile()) {
    const kind = found.isDirectory() ? 'directory' : 'file, which is no image';
    const message = `${text} is taken as a reference; write ./${text} for the ${kind}`;
    options.onEvent?.({ kind: 'warning', message });
  }
  const name = await pulled();
  return await openImage(found?.isFile() ? `store:${name}` : name, options);
}

/** A directory has no maker that could have signed it. @throws USAGE */
function refuseUnsignable(path: string, { signatures }: RunSourceOptions): void {
  if (signatures === undefined) return;
  throw new TsimgError('USAGE', 'a root filesystem has no signature', {
    where: path,
    hint: 'run the image itself, or tsimg unpack with the same options before',
  });
}

/** Returns a root filesystem as the target of a run. @throws SOURCE_NOT_FOUND, USAGE */
export async function rootfsTarget(path: string): Promise<ContainerTarget> {
  const root = await directoryRoot(path);
  return { config: EMPTY_RUN_CONFIG, openRoot: async () => ({ root }) };
}

/**
 * Returns an image as the target of a run. Its layers are unpacked once and shared; changes belong to the container.
 */
async function imageTarget(name: string, image: Image, options: RunSourceOptions): Promise<ContainerTarget> {
  const { openImageRoot } = await import('../layers/image-root.ts');
  const { withRepair } = await import('../image/repair-stored.ts');
  const { signal, onEvent, limits } = options;
  const repairs = await repairOptions(options);
  return {
    config: image.config.run,
    image: { name, id: image.manifest.config.digest, digest: image.descriptor.digest },
    openRoot: (directory, facts, idMap) =>
      withRepair([name], repairs, () =>
        openImageRoot(image, { storeRoot: storePlace(options), directory, facts, idMap }, { signal, onEvent, limits }),
      ),
  };
}

/**
 * Opens the target of a run while `use` runs. An image that is missing is pulled.
 * @throws as openImage and pullToStore; what `use` throws
 */
export async function withTarget<T>(
  text: string,
  options: RunSourceOptions,
  use: (target: ContainerTarget, context: RunContext) => Promise<T>,
): Promise<T> {
  const { signal, onEvent, onPlan, onStarted: whenStarted, life, runtime, signals, streams } = options;
  const context = { signal, onEvent, onPlan, onStarted: whenStarted, life, runtime, signals, streams };
  if (isRootfs(text)) {
    refuseUnsignable(text, options);
    return use(await rootfsTarget(text), { ...context, stateRoot: statePlace(options) });
  }
  const opened = await openOrPull(text, options);
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= opened.close();
    return closing;
  };
  try {
    const target = await imageTarget(text, opened.image, options);
    // Nothing of the store is freed while the image is open. `close` below reports a failure: this call must not reject
    // unhandled.
    const onStarted = () => {
      close().catch(() => {});
      whenStarted?.();
    };
    return await use(target, { ...context, onStarted, stateRoot: storePlace(options) });
  } finally {
    await close();
  }
}

/** Completes a request. A runtime makes no bridge and starts no pasta, so its network is `none` by default. */
function requestOf(input: RunInput, { runtime }: RunSourceOptions): RunRequest {
  const request = completeRequest(input);
  return runtime === undefined ? request : { ...request, network: request.network ?? 'none' };
}

/** Checks the request before an image is pulled for it. Returns the facts about the host. @throws as checkRequest */
async function checkBefore(request: RunRequest, options: RunSourceOptions, detached: boolean): Promise<HostFacts> {
  const { life = {}, runtime } = options;
  if (runtime !== undefined && detached)
    throw new TsimgError('USAGE', '--runtime does not go with --detach', {
      hint: 'leave out one of them',
    });
  const host = probeHost();
  await checkRequest(request, { stateRoot: statePlace(options), life, detached, host, runtime });
  return host;
}

/**
 * Runs a command, as `tsimg run` does: in a container of an image, which is pulled where it is missing, or in a
 * directory that is a root filesystem, where changes stay. Resolves with the command's exit status. `options.signal`
 * ends the preparation, or kills the command. The signals of `options.signals`, such as {@link processSignals}, are
 * passed on to the command. A container of an image is kept afterwards, unless `life.remove` is set.
 * @param text a SOURCE, or a directory that holds a root filesystem
 * @param input `command` and the options of `run`; defaults are those of the command line
 * @throws USAGE, CONTAINER_EXISTS, HOST_UNSUPPORTED, LAUNCH_FAILED, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE,
 * SYSTEM_CALL, LIMIT_EXCEEDED, and the errors of {@link openImage} and {@link pullToStore}
 * @example
 * const status = await runSource('alpine:3.19', { command: ['uname', '-r'] }, { life: { remove: true } });
 */
export async function runSource(text: string, input: RunInput, options: RunSourceOptions): Promise<number> {
  const request = requestOf(input, options);
  if (request.terminal) checkTerminal(request, options.streams?.stdin ?? process.stdin);
  const host = await checkBefore(request, options, false);
  return withTarget(text, options, (target, context) => runContainer(target, request, { ...context, host }));
}

/**
 * As `runSource`, in the background. Resolves with the container's ID once its command runs.
 * @param onAttached takes a stream that is attached to the container from its start on, for `attachTo`
 * @throws as runSource
 */
export async function startSource(
  text: string,
  input: RunInput,
  options: RunSourceOptions,
  onAttached?: ((stream: Duplex) => void) | undefined,
): Promise<string> {
  const request = requestOf(input, options);
  const host = await checkBefore(request, options, true);
  const inputOnce = onAttached !== undefined && request.interactive;
  return withTarget(text, options, (target, context) =>
    startContainer(target, request, { ...context, host, inputOnce }, onAttached),
  );
}

/** Makes the container that `startSource` would start. Resolves with its ID. @throws as runSource */
export async function createSource(text: string, input: RunInput, options: RunSourceOptions): Promise<string> {
  const request = requestOf(input, options);
  const host = await checkBefore(request, options, true);
  const inputOnce = request.interactive;
  return withTarget(text, options, (target, context) =>
    createContainer(target, request, { ...context, host, inputOnce }),
  );
}

/**
 * As `startSource`, but in this process, without a monitor: the container dies with it, and is cleaned up then. Its
 * output goes to its log, or to `options.streams`. Resolves once its command runs. @throws as runSource
 */
export async function startSourceHere(
  text: string,
  input: RunInput,
  options: RunSourceOptions & Pick<HereContext, 'untilExit'>,
): Promise<StartedHere> {
  const request = requestOf(input, options);
  const host = await checkBefore(request, options, false);
  const { untilExit } = options;
  return withTarget(text, options, (target, context) => startHere(target, request, { ...context, host, untilExit }));
}

/**
 * Returns the plan of `runSource`. Nothing is pulled, unpacked or made.
 * @throws as planRun and openImage; USAGE and LAUNCH_FAILED where the host lacks what the plan takes from it
 */
export async function planSource(text: string, input: RunInput, options: RunSourceOptions): Promise<LaunchPlan> {
  const request = requestOf(input, options);
  const plan = await planUnchecked(text, request, options);
  await checkPlan(request, plan, options.runtime);
  return plan;
}

async function planUnchecked(text: string, request: RunRequest, options: RunSourceOptions): Promise<LaunchPlan> {
  const network = await foundNetwork(statePlace(options), request);
  if (isRootfs(text)) refuseUnsignable(text, options);
  const namedVolumes = volumesFolder(statePlace(options));
  if (isRootfs(text)) {
    const root = await directoryRoot(text);
    return planContainer(EMPTY_RUN_CONFIG, request, { root, ...network, namedVolumes }).plan;
  }
  const [{ openImage }, { plannedImageRoot }] = await Promise.all([
    import('../image/open-image.ts'),
    import('../layers/image-root.ts'),
  ]);
  await using opened = await openImage(text, options);
  const idMap = storedMap(planUserNamespace(probeHost(), request.userns));
  const planned = plannedImageRoot(opened.image, storePlace(options), idMap);
  const root = options.life?.remove ? volatileRoot(planned) : planned;
  const volumes = join(root.kind === 'overlay' ? root.directory : root.path, CONTAINER_NAME.volumes);
  return planContainer(opened.image.config.run, request, { root, ...network, volumes, namedVolumes }).plan;
}

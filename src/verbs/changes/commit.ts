import type { Duplex } from 'node:stream';
import type { ImageLimits } from '../../disk/unpack-options.ts';
import type { Context } from '../../events.ts';
import { freeze } from '../../host/cgroup/freeze.ts';
import { probeHost } from '../../host/facts/probe.ts';
import { containersFolder, type FoundContainer } from '../../host/state/container.ts';
import { findContainer } from '../../host/state/find-container.ts';
import type { ContainerRecord } from '../../host/state/record.ts';
import { copyImage } from '../../image/copy.ts';
import type { Image } from '../../image/image.ts';
import { remadeImage } from '../../image/remade.ts';
import { withSink } from '../../image/sink.ts';
import { toOci } from '../../image/to-oci.ts';
import { storedMap } from '../../launch/plan/id-map.ts';
import { parseSignal } from '../../linux/signals.ts';
import { type BuildTime, buildTime } from '../../oci/commit/build-time.ts';
import { changeRunConfig } from '../../oci/commit/change-run-config.ts';
import { commitConfig } from '../../oci/commit/commit-config.ts';
import type { Digest } from '../../oci/digest.ts';
import { parseNewName } from '../../oci/reference.ts';
import type { RunConfig } from '../../oci/run-config.ts';
import { openStoreSink } from '../../sinks/store.ts';
import { type CompressionChoice, checkCompression } from '../../streams/compress/choice.ts';
import type { ChangesSource } from '../helper/file-request.ts';
import { runFileHelper } from '../helper/run-file-helper.ts';
import { withRepair } from '../image/repair-stored.ts';
import { recordNames } from '../image/tag.ts';
import { type LayerFile, writeLayerFile } from '../layers/layer-file.ts';
import { filesOf, imageOf } from './container-changes.ts';
import { foldForComparison, openContainerImage } from './container-image.ts';

/** Options of `commitContainer`. */
export interface CommitOptions extends Context {
  /** The store's folder. The container is kept there too. */
  readonly storeRoot: string;
  /** The name of the new image; no name when absent. */
  readonly reference?: string | undefined;
  readonly author?: string | undefined;
  readonly message?: string | undefined;
  /** Instructions of a Dockerfile, in order, for `changeRunConfig`. */
  readonly changes?: readonly string[] | undefined;
  /** Whether a running container is frozen while its files are read; true when absent. */
  readonly pause?: boolean | undefined;
  readonly limits?: ImageLimits | undefined;
  /** How the layer is stored. Default: gzip. */
  readonly compression?: CompressionChoice | undefined;
}

/** Makes the container's command, user and so on those of the new image, as docker does. */
function runConfigOf({ config, request, plan, labels, stopSignal }: ContainerRecord): RunConfig {
  const { command, entrypoint, user, workdir } = request;
  const asked = new Set([...config.env, ...request.env].map((entry) => entry.split('=', 1)[0]));
  return {
    ...config,
    // Variables that tsimg adds, such as HOSTNAME and TERM, belong to the container only.
    env: plan.command.env.filter((entry) => asked.has(entry.split('=', 1)[0])),
    entrypoint: entrypoint === undefined ? config.entrypoint : entrypoint === '' ? [] : [entrypoint],
    cmd: command.length > 0 ? command : entrypoint === undefined ? config.cmd : [],
    user: user ?? config.user,
    workingDir: workdir ?? config.workingDir,
    labels,
    stopSignal: stopSignal === 'SIGTERM' ? config.stopSignal : stopSignal,
  };
}

/** A container, and where its changes are read from. */
interface ChangedContainer {
  readonly container: FoundContainer;
  readonly of: ChangesSource;
}

/** Writes the container's changes to a file, as a compressed layer. */
async function makeLayer(
  { container, of }: ChangedContainer,
  { newest }: BuildTime,
  options: CommitOptions,
): Promise<LayerFile> {
  const { compression = { kind: 'gzip' }, limits = {}, signal, onEvent } = options;
  const request = { do: 'layer', limits, newest, of } as const;
  let layer: LayerFile | undefined;
  const archive = async (stream: Duplex) => {
    layer = await writeLayerFile([stream], compression, signal);
  };
  const namespaces = { idMap: storedMap(container.record.plan.idMap), ownMounts: false };
  try {
    await runFileHelper(request, { namespaces, tools: probeHost().tools, archive }, { signal, onEvent });
  } catch (error) {
    await layer?.[Symbol.asyncDispose]();
    throw error;
  }
  if (layer === undefined) throw new RangeError('the helper was done and sent no archive');
  return layer;
}

async function makeLayerOfPaused(
  changed: ChangedContainer,
  time: BuildTime,
  options: CommitOptions,
): Promise<LayerFile> {
  const { container } = changed;
  if (!container.alive || options.pause === false) return await makeLayer(changed, time, options);
  using frozen = await freeze(container.record.plan.cgroups, options.signal);
  if (frozen === undefined) {
    const message = 'the container has no cgroup of its own to freeze it with: it runs on while its files are read';
    options.onEvent?.({ kind: 'warning', message });
  }
  return await makeLayer(changed, time, options);
}

/** Makes the layer of a container; a copy of the image is compared with the image, which is read for that. */
async function layerOver(
  container: FoundContainer,
  image: Image,
  time: BuildTime,
  options: CommitOptions,
): Promise<LayerFile> {
  const files = filesOf(container);
  if (files.kind === 'overlay') return await makeLayerOfPaused({ container, of: files.source }, time, options);
  await using folded = await foldForComparison(image, options);
  return await makeLayerOfPaused({ container, of: files.compareWith(folded.path) }, time, options);
}

/**
 * Makes an image of a container: the layers of its image, and one more layer with the container's changes. Equal
 * changes give equal layers. The image is as old as `$SOURCE_DATE_EPOCH` says, where it is set, and no file of the new
 * layer is newer. The image gets its name when it is complete. Returns the image's ID, which is the digest of its
 * config.
 * @throws CONTAINER_NOT_FOUND, CONTAINER_STATE, IMAGE_NOT_FOUND, USAGE, REFERENCE_INVALID, FORMAT_UNSUPPORTED,
 * LIMIT_EXCEEDED, FILESYSTEM; SIZE_MISMATCH where a file becomes shorter while it is read
 */
export async function commitContainer(wanted: string, options: CommitOptions): Promise<Digest> {
  const { storeRoot, reference, author = '', message = '', changes = [], signal, onEvent } = options;
  if (reference !== undefined) parseNewName(reference);
  if (options.compression !== undefined) checkCompression(options.compression);
  const container = await findContainer(containersFolder(storeRoot), wanted);
  const { record } = container;
  const from = imageOf(container);
  const run = changeRunConfig(runConfigOf(record), changes, parseSignal);
  const time = buildTime(process.env, new Date());
  const { created } = time;
  // Nothing of the store is swept from here on: the blobs that are found now are still there when the new image is
  // published.
  const sink = await openStoreSink(storeRoot, signal, { onEvent });
  return await withSink(sink, async () => {
    const repairs = { storeRoot, signal, onEvent };
    await using base = await withRepair([from.digest], repairs, () => openContainerImage(from, options));
    await using layer = await withRepair([from.digest], repairs, () => layerOver(container, base.image, time, options));
    const createdBy = record.plan.command.args.join(' ');
    const step = { diffId: layer.diffId, created, createdBy, author, comment: message };
    const config = commitConfig(base.image.raw.config, { run, steps: [step], author }, 'the image of the container');
    const oci = toOci(base.image);
    const image = remadeImage(oci, { layers: [...oci.layers, layer], config, annotations: {} });
    const names = reference === undefined ? [] : [reference];
    await withRepair([from.digest], repairs, () => copyImage(image, sink, { names, signal, onEvent }));
    recordNames(storeRoot, names);
    return image.manifest.config.digest;
  });
}

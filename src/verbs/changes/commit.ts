import { createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { Duplex, Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { digestOf } from '../../crypto/digest.ts';
import type { ImageLimits } from '../../disk/unpack-options.ts';
import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { freeze } from '../../host/cgroup/freeze.ts';
import { probeHost } from '../../host/facts/probe.ts';
import { containersFolder, type FoundContainer } from '../../host/state/container.ts';
import { findContainer } from '../../host/state/find-container.ts';
import type { ContainerRecord, RecordedImage } from '../../host/state/record.ts';
import { copyImage } from '../../image/copy.ts';
import type { Image, Layer } from '../../image/image.ts';
import { toOci } from '../../image/to-oci.ts';
import { storedMap } from '../../launch/plan/id-map.ts';
import { parseSignal } from '../../linux/signals.ts';
import { changeRunConfig } from '../../oci/commit/change-run-config.ts';
import { commitConfig } from '../../oci/commit/commit-config.ts';
import { parseImageConfig } from '../../oci/config.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { MEDIA_TYPE } from '../../oci/media-type.ts';
import { parseReference } from '../../oci/reference.ts';
import type { RunConfig } from '../../oci/run-config.ts';
import { descriptorDocument } from '../../oci/write-document.ts';
import { openStoreSink } from '../../sinks/store.ts';
import { hashing } from '../../streams/hashing.ts';
import { pump } from '../../streams/pump.ts';
import { openTemporaryFile } from '../../sys/file/temporary.ts';
import { runFileHelper } from '../helper/run-file-helper.ts';
import { type OpenedImage, openImage } from '../image/open-image.ts';
import { withRepair } from '../image/repair-stored.ts';
import { layersOf } from './container-changes.ts';

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

/** Opens the image that a container was made of: from the store, or from the archive that it was run from. */
async function openBase({ name, digest }: RecordedImage, options: CommitOptions): Promise<OpenedImage> {
  const where = { root: options.storeRoot, signal: options.signal, onEvent: options.onEvent, limits: options.limits };
  for (const spec of [digest, name]) {
    try {
      const opened = await openImage(spec, where);
      if (opened.image.descriptor.digest === digest) return opened;
      await opened.close();
    } catch (error) {
      const isMissing = error instanceof TsimgError && ['IMAGE_NOT_FOUND', 'SOURCE_NOT_FOUND'].includes(error.code);
      if (!isMissing) throw error;
    }
  }
  throw new TsimgError('IMAGE_NOT_FOUND', 'the container’s image was removed', {
    where: name,
    why: digest,
    hint: 'pull or load it again: the new image is that image with one more layer',
  });
}

/** Writes the container's changes to a file, as a compressed layer. */
async function makeLayer(container: FoundContainer, file: FileHandle, options: CommitOptions): Promise<Layer> {
  const { signal, onEvent } = options;
  const request = { do: 'layer', limits: options.limits ?? {}, ...layersOf(container) } as const;
  const [tar, stored] = [hashing(), hashing()];
  const archive = (stream: Duplex) =>
    pump([stream, tar.stream, createGzip(), stored.stream], (chunk) => file.write(chunk), signal);
  const namespaces = { idMap: storedMap(container.record.plan.idMap), ownMounts: false };
  await runFileHelper(request, { namespaces, tools: probeHost().tools, archive }, { signal, onEvent });
  const descriptor: Descriptor = { mediaType: MEDIA_TYPE.ociLayerGzip, digest: stored.digest(), size: stored.size() };
  const open = async (): Promise<Readable> => createReadStream('', { fd: file.fd, start: 0, autoClose: false });
  return { descriptor, diffId: tar.digest(), open };
}

async function makeLayerOfPaused(container: FoundContainer, file: FileHandle, options: CommitOptions): Promise<Layer> {
  if (!container.alive || options.pause === false) return await makeLayer(container, file, options);
  using frozen = await freeze(container.record.plan.cgroups, options.signal);
  if (frozen === undefined) {
    const message = 'the container has no cgroup of its own to freeze it with: it runs on while its files are read';
    options.onEvent?.({ kind: 'warning', message });
  }
  return await makeLayer(container, file, options);
}

/** Returns an image with one more layer on top, in OCI's form. */
function withLayer(base: Image, layer: Layer, config: Buffer): Image {
  const oci = toOci(base);
  const configDescriptor: Descriptor = {
    mediaType: MEDIA_TYPE.ociConfig,
    digest: digestOf(config),
    size: config.length,
  };
  const layers = [...oci.manifest.layers, layer.descriptor];
  const mediaType = MEDIA_TYPE.ociManifest;
  const raw = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: descriptorDocument(configDescriptor),
      layers: layers.map(descriptorDocument),
    }),
  );
  return {
    descriptor: { mediaType, digest: digestOf(raw), size: raw.length },
    manifest: { mediaType, config: configDescriptor, layers },
    config: parseImageConfig(config, 'the new image'),
    layers: [...oci.layers, layer],
    raw: { manifest: raw, config },
  };
}

/**
 * Makes an image of a container: the layers of its image, and one more layer with the container's changes. Equal
 * changes give equal layers. The image gets its name when it is complete. Returns the image's ID, which is the digest
 * of its config.
 * @throws CONTAINER_NOT_FOUND, CONTAINER_STATE, IMAGE_NOT_FOUND, USAGE, REFERENCE_INVALID, FORMAT_UNSUPPORTED,
 * LIMIT_EXCEEDED, FILESYSTEM; SIZE_MISMATCH where a file becomes shorter while it is read
 */
export async function commitContainer(wanted: string, options: CommitOptions): Promise<Digest> {
  const { storeRoot, reference, author = '', message = '', changes = [], signal, onEvent } = options;
  if (reference !== undefined && parseReference(reference).digest !== undefined) {
    throw new TsimgError('REFERENCE_INVALID', 'a name for an image cannot have a digest', {
      where: reference,
      hint: 'leave out @ and the digest',
    });
  }
  const container = await findContainer(containersFolder(storeRoot), wanted);
  const { record } = container;
  layersOf(container);
  if (record.image === undefined) {
    throw new TsimgError('CONTAINER_STATE', 'the container was not made of an image', { where: record.name });
  }
  const run = changeRunConfig(runConfigOf(record), changes, parseSignal);
  // Nothing of the store is swept from here on: the blobs that are found now are still there when the new image is
  // published.
  const sink = await openStoreSink(storeRoot, signal);
  try {
    const repairs = { storeRoot, signal, onEvent };
    const from = record.image;
    await using base = await withRepair([from.digest], repairs, () => openBase(from, options));
    await using file = await openTemporaryFile();
    const layer = await makeLayerOfPaused(container, file, options);
    const config = commitConfig(base.image.raw.config, run, {
      diffId: layer.diffId,
      created: new Date().toISOString(),
      createdBy: record.plan.command.args.join(' '),
      author,
      comment: message,
    });
    const image = withLayer(base.image, layer, config);
    const names = reference === undefined ? [] : [reference];
    await withRepair([from.digest], repairs, () => copyImage(image, sink, { names, signal, onEvent }));
    return image.manifest.config.digest;
  } finally {
    await sink.close();
  }
}

import { Readable } from 'node:stream';
import { digestOf, sameDigest } from '../../crypto/digest.ts';
import { TsimgError } from '../../errors.ts';
import type { Deviation, Source } from '../../image/source.ts';
import { checkLayerCount, parseImageConfig } from '../../oci/config.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { type Digest, isDigest } from '../../oci/digest.ts';
import { type Files, readWholeDocument } from '../files/files.ts';
import { locateBlob, openBlob } from '../files/open-blob.ts';
import { describeLayer, memberMissing } from './docker-layers.ts';
import type { DockerEntry } from './docker-manifest.ts';
import { makeManifest } from './made-image.ts';
import { type Entry, namedImages, selectEntry } from './select-entry.ts';

/** An image of the archive, from which a manifest can be made. */
export interface DockerImage {
  readonly names: readonly string[];
  readonly config: Buffer;
  /** Members that hold the layers, base first. */
  readonly layers: readonly string[];
  /**
   * The place of a config whose digest is not that of its name: edited by hand, which docker, podman and skopeo accept.
   */
  readonly edited?: string | undefined;
  /** The places of documents that are repeated in the archive: docker reads the last, podman and skopeo the first. */
  readonly repeated?: readonly string[] | undefined;
}

/** Returns the digest in a config's file name: `HEX.json`, `sha256:HEX` or `blobs/sha256/HEX`. */
export function claimedDigest(name: string): Digest | undefined {
  const base = name.split('/').at(-1) ?? '';
  const digest = `sha256:${base.replace(/\.json$/, '').replace(/^sha256:/, '')}`;
  return isDigest(digest) ? digest : undefined;
}

/** Whether the digest of a config differs from that in its file name. */
function isEdited(name: string, config: Buffer): boolean {
  const claimed = claimedDigest(name);
  return claimed !== undefined && !sameDigest(claimed, digestOf(config));
}

/** Returns whether a config that manifest.json names was edited. One that is missing does not count. */
export async function hasEditedConfig(
  files: Files,
  entries: readonly DockerEntry[],
  signal?: AbortSignal,
): Promise<boolean> {
  for (const { config: name } of entries) {
    const config = await readWholeDocument(files, name, signal);
    if (config !== undefined && isEdited(name, config)) return true;
  }
  return false;
}

/** Reads the images that manifest.json lists, and compares each config with its file name. */
export async function readDockerImages(
  files: Files,
  entries: readonly DockerEntry[],
  signal?: AbortSignal,
): Promise<readonly DockerImage[]> {
  const images: DockerImage[] = [];
  for (const { config: name, repoTags, layers } of entries) {
    const config = await readWholeDocument(files, name, signal);
    if (config === undefined) throw memberMissing(files, name);
    const edited = isEdited(name, config) ? `${files.label} ${name}` : undefined;
    // Repeated layers do no harm: the diff ID decides.
    const repeated = ['manifest.json', name]
      .filter((one) => files.isRepeated?.(one))
      .map((one) => `${files.label} ${one}`);
    images.push({ names: repoTags, config, layers, edited, repeated });
  }
  return images;
}

/** The content of a digest: in memory, or the name of a member. */
type Place = Buffer | string;

/**
 * A source for an archive that lists images without manifests: docker save's of any age. A manifest is made for each
 * image when it is asked for; compressed layers are read once for their digests.
 */
export function dockerSource(files: Files, images: readonly DockerImage[]): Source {
  const { label } = files;
  const places = new Map<Digest, Place>();
  const described = new Map<string, Promise<Descriptor>>();
  const deviations = new Map<Digest, readonly Deviation[]>();
  let made: Promise<readonly (Entry & { readonly id: Digest })[]> | undefined;

  async function layersOf(image: DockerImage, signal?: AbortSignal): Promise<readonly Descriptor[]> {
    const where = `${label} config ${digestOf(image.config)}`;
    const config = parseImageConfig(image.config, where);
    checkLayerCount(image.layers.length, config, where);
    const descriptors: Descriptor[] = [];
    for (const [index, diffId] of config.diffIds.entries()) {
      const name = image.layers[index] ?? '';
      const key = `${diffId} ${name}`;
      const known = described.get(key) ?? describeLayer(files, name, diffId, signal);
      described.set(key, known);
      const descriptor = await known;
      places.set(descriptor.digest, name);
      descriptors.push(descriptor);
    }
    return descriptors;
  }

  async function entryOf(image: DockerImage, signal?: AbortSignal): Promise<Entry & { readonly id: Digest }> {
    const { descriptor, manifest } = makeManifest(image.config, await layersOf(image, signal));
    const id = digestOf(image.config);
    places.set(descriptor.digest, manifest);
    places.set(id, image.config);
    const { edited, repeated = [] } = image;
    deviations.set(descriptor.digest, [
      ...(edited === undefined ? [] : [{ tolerance: 'edited-configs', where: edited } as const]),
      ...repeated.map((where) => ({ tolerance: 'repeated-members', where }) as const),
    ]);
    return { names: image.names, descriptor, digests: [descriptor.digest], id };
  }

  /** Made once: the first request pays, the next ones use the result. */
  function entries(signal?: AbortSignal): Promise<readonly (Entry & { readonly id: Digest })[]> {
    made ??= Promise.all(images.map((image) => entryOf(image, signal)));
    return made;
  }

  return {
    label,
    documentLimit: files.documentLimit,
    async resolve(name, signal) {
      const all = await entries(signal);
      const ids = new Map(all.map((entry) => [entry.descriptor.digest, entry.id] as const));
      const imageId = async (descriptor: Descriptor) => ids.get(descriptor.digest);
      const byPlace = all.map(({ descriptor }) => descriptor);
      const selection = await selectEntry(all, name, { label, bareTags: true, byPlace, imageId });
      if (selection?.synthetic !== undefined) places.set(selection.descriptor.digest, selection.synthetic);
      return selection?.descriptor;
    },
    async open(descriptor, signal) {
      await entries(signal);
      const place = places.get(descriptor.digest);
      if (typeof place === 'string') return openBlob(files, place, descriptor, signal);
      if (place !== undefined) return Readable.from([place]);
      throw new TsimgError('BLOB_NOT_FOUND', 'a blob is missing', { where: `${label} ${descriptor.digest}` });
    },
    async locate(descriptor, signal) {
      await entries(signal);
      const place = places.get(descriptor.digest);
      return typeof place === 'string' ? locateBlob(files, place, descriptor) : undefined;
    },
    deviations: (manifest) => deviations.get(manifest) ?? [],
    list: async (signal) => namedImages(await entries(signal)),
    close: () => files.close(),
  };
}

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

/** An image of the archive, ready to be made a manifest of. */
export interface DockerImage {
  readonly names: readonly string[];
  readonly config: Buffer;
  /** Members that hold the layers, base first. */
  readonly layers: readonly string[];
  /** Where the config lies that is not what its name says: edited by hand, which docker, podman and skopeo take. */
  readonly edited?: string | undefined;
  /**
   * Where its documents lie that stand in the archive more than once: docker takes the last, podman and skopeo the
   * first.
   */
  readonly repeated?: readonly string[] | undefined;
}

/** The digest that a config's file name claims, as `HEX.json`, `sha256:HEX` and `blobs/sha256/HEX` do. */
export function claimedDigest(name: string): Digest | undefined {
  const base = name.split('/').at(-1) ?? '';
  const digest = `sha256:${base.replace(/\.json$/, '').replace(/^sha256:/, '')}`;
  return isDigest(digest) ? digest : undefined;
}

/** Whether a config's bytes are not those that its file's name claims. */
function isEdited(name: string, config: Buffer): boolean {
  const claimed = claimedDigest(name);
  return claimed !== undefined && !sameDigest(claimed, digestOf(config));
}

/** Whether a config that manifest.json lists, and that is there, was edited. */
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

/** The images that manifest.json lists, their configs read and compared with the names they have. */
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
    // A layer is what its diff ID says, whichever is taken.
    const repeated = ['manifest.json', name]
      .filter((one) => files.isRepeated?.(one))
      .map((one) => `${files.label} ${one}`);
    images.push({ names: repoTags, config, layers, edited, repeated });
  }
  return images;
}

/** Where the content of a digest is: in hand, or in a member. */
type Place = Buffer | string;

/**
 * An archive that names images without manifests: docker save's of all ages. A manifest is made for each, when it is
 * asked for; that reads compressed layers once, to know their digests.
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

  /** An archive is opened for one or two things at most; what is made for the first serves the second. */
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

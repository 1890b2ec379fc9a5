import { copyImage } from '../../image/copy.ts';
import { loadImage } from '../../image/load.ts';
import type { Sink } from '../../image/sink.ts';
import type { Source } from '../../image/source.ts';
import { ANNOTATION } from '../../oci/annotations.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Platform } from '../../oci/platform.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';
import { localDocument, preferLocal } from '../../sources/prefer-local.ts';
import { openRegistrySource, type RegistrySourceOptions } from '../../sources/registry.ts';

/** How an image is pulled: how its registry is asked, for which platform, and what is there already. */
export interface PullOptions extends Omit<RegistrySourceOptions, 'known'> {
  /** The platform that the user asked for; this machine's when absent. */
  readonly platform?: Platform | undefined;
  /** What the sink holds, where it can be read: then nothing of it is fetched again, documents neither. */
  readonly local?: Source | undefined;
}

/** What was pulled. */
export interface PullReport {
  /** Complete: `docker.io/library/alpine:3.9`. */
  readonly reference: string;
  /** What the reference stands for: of the index, where there is one. Users pin this one. */
  readonly digest: Digest;
  /** Of the manifest for the platform. */
  readonly manifestDigest: Digest;
  /** Of the config. */
  readonly imageId: Digest;
  /** Layers and config. */
  readonly blobs: number;
  /** How many of these were there. */
  readonly reused: number;
  /** Bytes of those that were not. */
  readonly bytesTransferred: number;
}

/** What is published: the manifest; the digest of the index, which the name stands for at the registry, goes along. */
function published(manifest: Descriptor, resolved: Descriptor): Descriptor {
  if (manifest.digest === resolved.digest) return manifest;
  return { ...manifest, annotations: { ...manifest.annotations, [ANNOTATION.chosenFrom]: resolved.digest } };
}

/**
 * An image from its registry into a sink: blobs a few at a time, those that are there not again, the name last. The index that
 * the image was chosen from is kept too. Size and digest of everything are verified on the way and by the sink.
 * @throws IMAGE_NOT_FOUND, PLATFORM_NOT_FOUND, DIGEST_MISMATCH, SIZE_MISMATCH, REGISTRY_…, AUTHENTICATION_…, what the sink throws
 */
export async function pullImage(reference: Reference, sink: Sink, options: PullOptions = {}): Promise<PullReport> {
  const { platform, local, signal, onEvent } = options;
  const known =
    local === undefined
      ? undefined
      : async (descriptor: Descriptor) => (await localDocument(local, descriptor, signal)) !== undefined;
  const registry = openRegistrySource(reference, { ...options, known });
  try {
    const source = local === undefined ? registry : preferLocal(registry, local);
    const image = await loadImage(source, { name: reference.digest ?? reference.tag, platform }, { signal, onEvent });
    const name = formatReference(reference);
    const { resolved, descriptor, manifest } = image;
    onEvent?.({ kind: 'resolved', name, digest: resolved.digest });
    for (const index of image.indexes) {
      if (!(await sink.has(index.descriptor, signal))) await sink.write(index.descriptor, index.bytes, signal);
    }
    const copied = { names: [name], descriptor: published(descriptor, resolved) };
    const { blobs, reused, bytes } = await copyImage(image, sink, copied, { signal, onEvent });
    return {
      reference: name,
      digest: resolved.digest,
      manifestDigest: descriptor.digest,
      imageId: manifest.config.digest,
      blobs,
      reused,
      bytesTransferred: bytes,
    };
  } finally {
    await registry.close();
  }
}

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
import { type Demands, openGate } from '../verify/admit.ts';

/** How an image is pulled. */
export interface PullOptions extends Omit<RegistrySourceOptions, 'known'>, Demands {
  /** The wanted platform. Default: this machine's. */
  readonly platform?: Platform | undefined;
  /** The content of the sink as a source, where it can be read: documents that are there are not fetched again. */
  readonly local?: Source | undefined;
}

/** The result of a pull. */
export interface PullReport {
  /** The complete reference: `docker.io/library/alpine:3.19`. */
  readonly reference: string;
  /** The digest that the reference stands for: of the index, where there is one. Pin this one. */
  readonly digest: Digest;
  /** The digest of the manifest for the platform. */
  readonly manifestDigest: Digest;
  /** The digest of the config. */
  readonly imageId: Digest;
  /** Layers and config, each digest once. */
  readonly blobs: number;
  /** How many of these blobs the sink had before. */
  readonly reused: number;
  /** Bytes of the other blobs. */
  readonly bytesTransferred: number;
}

/**
 * Returns the descriptor to publish: the manifest's, with the digest of the index that the name has at the registry.
 */
function published(manifest: Descriptor, resolved: Descriptor): Descriptor {
  if (manifest.digest === resolved.digest) return manifest;
  return { ...manifest, annotations: { ...manifest.annotations, [ANNOTATION.chosenFrom]: resolved.digest } };
}

/**
 * Pulls an image of one platform from its registry into a sink: a few blobs at a time, without those that the sink has,
 * and the name last. The index that the image was chosen from is stored too. Size and digest of everything are
 * verified. The caller closes the sink. {@link pullToStore} pulls into the local store.
 * @throws IMAGE_NOT_FOUND, PLATFORM_NOT_FOUND, DIGEST_MISMATCH, SIZE_MISMATCH, REGISTRY_…, AUTHENTICATION_…, and the
 * errors of the sink
 * @example
 * const sink = await openOciLayoutSink('./layout');
 * const { digest } = await pullImage(parseReference('alpine:3.19'), sink);
 * await sink.close();
 */
export async function pullImage(reference: Reference, sink: Sink, options: PullOptions = {}): Promise<PullReport> {
  const { platform, local, signal, onEvent } = options;
  const known =
    local === undefined
      ? undefined
      : async (descriptor: Descriptor) => (await localDocument(local, descriptor, signal)) !== undefined;
  const registry = openRegistrySource(reference, { ...options, known });
  try {
    const gate = await openGate(registry, options);
    const source = local === undefined ? registry : preferLocal(registry, local);
    const image = await loadImage(source, { name: reference.digest ?? reference.tag, platform }, { signal, onEvent });
    const name = formatReference(reference);
    const { resolved, descriptor, manifest } = image;
    onEvent?.({ kind: 'resolved', name, digest: resolved.digest });
    const signatures = await gate.admit({ image, source: registry, name });
    for (const index of image.indexes) {
      if (!(await sink.has(index.descriptor, signal))) await sink.write(index.descriptor, index.bytes, signal);
    }
    const copy = { names: [name], descriptor: published(descriptor, resolved), signal, onEvent };
    const { blobs, reused, bytes } = await copyImage(image, sink, copy);
    if (signatures.length > 0) {
      const { keepSignatures } = await import('../verify/keep-signatures.ts');
      await keepSignatures(signatures, registry, sink, { signal, onEvent });
    }
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

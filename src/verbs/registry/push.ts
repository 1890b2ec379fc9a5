import { TsimgError } from '../../errors.ts';
import { copyImage } from '../../image/copy.ts';
import { loadImage } from '../../image/load.ts';
import type { Digest } from '../../oci/digest.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';
import { openRegistrySink, type RegistrySinkOptions } from '../../sinks/registry.ts';
import { openSource } from '../../sources/open.ts';
import { type ImageOptions, sourcePlaces } from '../image/open-image.ts';
import { openPolicyGate } from '../verify/admit.ts';
import { imageOf } from '../verify/loaded-from.ts';
import { checkDigest } from './check-digest.ts';

/** How an image is pushed. */
export interface PushOptions extends ImageOptions, Omit<RegistrySinkOptions, 'documentLimit'> {}

/** The result of a push. */
export interface PushReport {
  /** The complete reference that the image has now: `registry.example/team/app:1.0`. */
  readonly reference: string;
  /** The digest of its manifest. Pin this one. */
  readonly digest: Digest;
  /** The digest of the config. */
  readonly imageId: Digest;
  /** Layers and config, each digest once. */
  readonly blobs: number;
  /** How many of these blobs the repository had before. */
  readonly reused: number;
  /** Bytes of the other blobs. */
  readonly bytesTransferred: number;
}

/**
 * Pushes an image of one platform to a registry: a few blobs at a time, without those that the repository has; then the
 * manifest, and its tag last. The bytes are those of the source: digests stay. What does not come from the store must be
 * accepted by policy.json.
 * @param text any SOURCE, usually a reference in the store
 * @param destination with a tag; by digest alone where it has a digest and no tag
 * @throws what opening an image throws; REGISTRY_…, AUTHENTICATION_…, CREDENTIALS_INVALID, IMAGE_REJECTED
 * @example
 * const { digest } = await pushImage('app:1.0', parseReference('localhost:5000/app:1.0'));
 */
export async function pushImage(text: string, destination: Reference, options: PushOptions = {}): Promise<PushReport> {
  const { platform, signal, onEvent } = options;
  const context = { signal, onEvent };
  const { source, name } = await openSource(text, sourcePlaces(options), context);
  try {
    // The credentials and certificates of the options are for one registry.
    if (source.place?.transport === 'docker') {
      throw new TsimgError('USAGE', 'an image of another registry is not pushed, but copied', {
        where: text,
        hint: `tsimg copy ${text} ${formatReference(destination)}`,
      });
    }
    const gate = await openPolicyGate(source, options);
    const image = await loadImage(source, { name, platform }, context);
    await gate(imageOf({ image, source, name: name ?? text }));
    checkDigest(destination, image.descriptor.digest);
    const sink = openRegistrySink(destination, options);
    try {
      const reference = formatReference(destination);
      const { blobs, reused, bytes } = await copyImage(image, sink, { names: [reference], ...context });
      const { descriptor, manifest } = image;
      const imageId = manifest.config.digest;
      return { reference, digest: descriptor.digest, imageId, blobs, reused, bytesTransferred: bytes };
    } finally {
      await sink.close();
    }
  } finally {
    await source.close();
  }
}

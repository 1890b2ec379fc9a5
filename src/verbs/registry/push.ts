import { TsimgError } from '../../errors.ts';
import { type CopyReport, copyImage } from '../../image/copy.ts';
import { loadImage } from '../../image/load.ts';
import { withSink } from '../../image/sink.ts';
import type { Digest } from '../../oci/digest.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';
import { openRegistrySink, type RegistrySinkOptions } from '../../sinks/registry.ts';
import { openSource } from '../../sources/open.ts';
import { checkCompression } from '../../streams/compress/choice.ts';
import { type ImageOptions, sourcePlaces } from '../image/open-image.ts';
import { withRepair } from '../image/repair-stored.ts';
import { storePlace } from '../places.ts';
import { openPolicyGate } from '../verify/admit.ts';
import { imageOf } from '../verify/loaded-from.ts';
import { checkDigest } from './check-digest.ts';
import {
  checkTarget,
  copyRecompressed,
  type RecompressChoice,
  type RecompressedCopy,
  type Recompression,
  warnOfDigest,
} from './recompressed-copy.ts';

/** How an image is pushed. */
export interface PushOptions extends ImageOptions, RecompressChoice, RegistrySinkOptions {}

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
  /** The differences where another compression was asked for. */
  readonly recompression?: Recompression | undefined;
}

/**
 * Pushes an image of one platform to a registry: a few blobs at a time, without those that the repository has; then the
 * manifest, and its tag last. The bytes are those of the source: digests stay, unless another compression is asked for.
 * An image from elsewhere than the store must be accepted by policy.json.
 * @param text any SOURCE, usually a reference in the store
 * @param destination with a tag; by digest alone where it has a digest and no tag
 * @throws what opening an image throws; REGISTRY_…, AUTHENTICATION_…, CREDENTIALS_INVALID, IMAGE_REJECTED
 * @example
 * const { digest } = await pushImage('app:1.0', parseReference('localhost:5000/app:1.0'));
 */
export async function pushImage(text: string, destination: Reference, options: PushOptions = {}): Promise<PushReport> {
  const { signal, onEvent } = options;
  // Damage is told, and not mended: credentials and certificates of the options are for the destination.
  const repairs = { storeRoot: storePlace(options), signal, onEvent };
  return await withRepair([text], repairs, () => pushOnce(text, destination, options));
}

async function pushOnce(text: string, destination: Reference, options: PushOptions): Promise<PushReport> {
  const { platform, requests, compression, limits, signal, onEvent } = options;
  const concurrency = requests?.concurrency;
  const context = { signal, onEvent };
  checkTarget(destination, options);
  if (compression !== undefined) checkCompression(compression);
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
    return await withSink(sink, async () => {
      const reference = formatReference(destination);
      const copied: CopyReport & Partial<RecompressedCopy> =
        compression === undefined
          ? await copyImage(image, sink, { concurrency, ...context })
          : await copyRecompressed(image, sink, compression, { concurrency, limits, ...context });
      const { blobs, reused, bytes: bytesTransferred, root = image.descriptor, recompression } = copied;
      warnOfDigest(image.descriptor.digest, root.digest, context);
      await sink.publish(root, [reference], signal);
      const imageId = image.manifest.config.digest;
      const report = { reference, digest: root.digest, imageId, blobs, reused, bytesTransferred };
      return { ...report, ...(recompression && { recompression }) };
    });
  } finally {
    await source.close();
  }
}

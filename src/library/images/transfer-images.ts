import type { Context } from '../../events.ts';
import { type CopyOptions, type CopyReport, copyImage as copy } from '../../image/copy.ts';
import type { Image } from '../../image/image.ts';
import type { Sink } from '../../image/sink.ts';
import type { Reference } from '../../oci/reference.ts';
import { type PullPlan, planPull as plan } from '../../verbs/image/plan-pull.ts';
import type { PullOptions } from '../../verbs/image/prepare-pull.ts';
import { type PullReport, pullImage as pull } from '../../verbs/image/pull.ts';
import { pullToStore as pullStored, type StorePullOptions } from '../../verbs/image/pull-to-store.ts';
import { type CopySourceOptions, type CopySourceReport, copySource as copyAny } from '../../verbs/registry/copy.ts';
import { type PushOptions, type PushReport, pushImage as push } from '../../verbs/registry/push.ts';
import { checkOptions, text } from '../options/check-options.ts';
import {
  COPY_CHECKS,
  COPY_SOURCE_CHECKS,
  PULL_CHECKS,
  PUSH_CHECKS,
  STORE_PULL_CHECKS,
} from '../options/image-checks.ts';
import {
  checkImage,
  checkSink,
  checkSource,
  referenceOf,
  type WithPlatform,
  withPlatform,
} from '../options/image-options.ts';

/**
 * Pulls an image of one platform, or of all, from its registry into the store. What the store has is not asked for
 * again; size and digest of everything are verified, and the name comes last.
 * @throws USAGE, REFERENCE_INVALID, PLATFORM_INVALID, IMAGE_NOT_FOUND, PLATFORM_NOT_FOUND, DIGEST_MISMATCH,
 * SIZE_MISMATCH, IMAGE_REJECTED, POLICY_INVALID, STORE_INVALID, FILESYSTEM, REGISTRY_…, AUTHENTICATION_…
 * @example
 * const { digest } = await pullToStore('alpine:3.20', { platform: 'linux/arm64' });
 */
export async function pullToStore(
  reference: string | Reference,
  options: WithPlatform<StorePullOptions> = {},
): Promise<PullReport> {
  checkOptions('pullToStore', options, STORE_PULL_CHECKS);
  return await pullStored(referenceOf(reference), withPlatform(options));
}

/**
 * Tells what {@link pullToStore} would transfer, and whether the image is let in. Documents are asked of the registry;
 * nothing is written, and the store is not made. Of a large blob in the store, the size alone is looked at.
 * @throws as {@link pullToStore}
 * @example
 * const { transfer } = await planPull('alpine:3.20');
 */
export async function planPull(
  reference: string | Reference,
  options: WithPlatform<StorePullOptions> = {},
): Promise<PullPlan> {
  checkOptions('planPull', options, STORE_PULL_CHECKS);
  return await plan(referenceOf(reference), withPlatform(options));
}

/**
 * Pulls an image of one platform, or of all, from its registry into a sink: a few blobs at a time, without those that
 * the sink has, and the name last. The index that the image was chosen from is stored too. Size and digest of
 * everything are verified. The caller closes the sink. {@link pullToStore} pulls into the local store.
 * @throws as {@link pullToStore}, and the errors of the sink
 * @example
 * const sink = await openOciLayoutSink('./layout');
 * const { digest } = await pullImage('alpine:3.20', sink);
 * await sink.close();
 */
export async function pullImage(
  reference: string | Reference,
  sink: Sink,
  options: WithPlatform<PullOptions> = {},
): Promise<PullReport> {
  checkSink('sink', sink);
  checkOptions('pullImage', options, PULL_CHECKS);
  return await pull(referenceOf(reference), sink, withPlatform(options));
}

/**
 * Pushes an image of one platform to a registry: a few blobs at a time, without those that the repository has; then the
 * manifest, and its tag last. The bytes are those of the source: digests stay, unless another compression is asked for.
 * An image from elsewhere than the store must be accepted by policy.json.
 * @param source any SOURCE, usually a reference in the store
 * @param destination with a tag; by digest alone where it has a digest and no tag
 * @throws USAGE, REFERENCE_INVALID, PLATFORM_INVALID, CREDENTIALS_INVALID, IMAGE_REJECTED, REGISTRY_…,
 * AUTHENTICATION_…, and the errors of {@link openImage}
 * @example
 * const { digest } = await pushImage('app:1.0', 'localhost:5000/app:1.0');
 */
export async function pushImage(
  source: string,
  destination: string | Reference,
  options: WithPlatform<PushOptions & Context> = {},
): Promise<PushReport> {
  checkSource('source', source);
  checkOptions('pushImage', options, PUSH_CHECKS);
  return await push(source, referenceOf(destination), withPlatform(options));
}

/**
 * Copies an image from any SOURCE to any SINK, as `tsimg copy` does.
 * @param sink `docker://REFERENCE`, `oci:PATH[:TAG]`, `docker-archive:FILE`, `oci-archive:FILE` or `store:NAME`
 * @throws USAGE, REFERENCE_INVALID, PLATFORM_INVALID, IMAGE_REJECTED, POLICY_INVALID, DESTINATION_EXISTS, the errors of
 * {@link openImage}, and those of the sink: FILESYSTEM, REGISTRY_…, AUTHENTICATION_…
 * @example
 * await copySource('alpine:3.20', 'docker://localhost:5000/alpine:3.20', { all: true });
 */
export async function copySource(
  source: string,
  sink: string,
  options: WithPlatform<CopySourceOptions> = {},
): Promise<CopySourceReport> {
  checkSource('source', source);
  text('sink', sink);
  checkOptions('copySource', options, COPY_SOURCE_CHECKS);
  return await copyAny(source, sink, withPlatform(options));
}

/**
 * Copies an image into a sink: a few blobs at a time, without those that the sink has; then the manifest; then the
 * names. The sink verifies size and digest of each blob. After a failure or an abort nothing is published. The caller
 * closes the sink.
 * @throws USAGE, the errors of the image's layers (BLOB_NOT_FOUND, DIGEST_MISMATCH, SIZE_MISMATCH, REGISTRY_…) and
 * those of the sink
 * @example
 * await using opened = await openImage('docker://alpine:3.20');
 * const sink = await openOciLayoutSink('./layout');
 * await copyImage(opened.image, sink, { names: ['3.20'] });
 * await sink.close();
 */
export async function copyImage(image: Image, sink: Sink, options: CopyOptions = {}): Promise<CopyReport> {
  checkImage('image', image);
  checkSink('sink', sink);
  checkOptions('copyImage', options, COPY_CHECKS);
  return await copy(image, sink, options);
}

import type { ArtifactFile } from '../../oci/artifact.ts';
import type { Reference } from '../../oci/reference.ts';
import type { RegistryOptions } from '../../registry/session.ts';
import { type AttachOptions, type AttachReport, attachFiles as attach } from '../../verbs/registry/attach.ts';
import { deleteImage as deleteFrom } from '../../verbs/registry/delete.ts';
import { type RawManifest, type ReadManifestOptions, readManifest as read } from '../../verbs/registry/manifest.ts';
import { listTags as list } from '../../verbs/registry/tags.ts';
import { type Checks, checkOptions, flag, listOf, objectOf, text, values } from '../options/check-options.ts';
import { CHUNK_SIZE, IMAGE_CHECKS } from '../options/image-checks.ts';
import { checkSource, referenceOf, type WithPlatform, withPlatform } from '../options/image-options.ts';
import { REGISTRY_CHECKS } from '../options/registry-checks.ts';

const MANIFEST_CHECKS: Checks<ReadManifestOptions> = { ...IMAGE_CHECKS, withPlatform: flag };

const ATTACH_CHECKS: Checks<AttachOptions> = {
  ...IMAGE_CHECKS,
  chunkSize: CHUNK_SIZE,
  artifactType: text,
  mediaType: text,
  annotations: values,
  anywhere: flag,
};

const checkFiles = listOf('a list of objects', objectOf<ArtifactFile>({ path: text, mediaType: text }, 'path'));

/**
 * Lists the tags of a reference's repository, sorted by their bytes, because the order of registries differs.
 * @throws USAGE, REFERENCE_INVALID; IMAGE_NOT_FOUND where there is no such repository; REGISTRY_…, AUTHENTICATION_…
 * @example
 * for (const tag of await listTags('localhost:5000/app')) console.log(tag);
 */
export async function listTags(
  reference: string | Reference,
  options: RegistryOptions = {},
): Promise<readonly string[]> {
  checkOptions('listTags', options, REGISTRY_CHECKS);
  return await list(referenceOf(reference), options);
}

/**
 * Deletes a tag of a repository, or a manifest by its digest, with all its tags. Blobs stay until the registry collects
 * its garbage. Distribution spec, "Content Management".
 * @throws USAGE, REFERENCE_INVALID, IMAGE_NOT_FOUND; REGISTRY_ERROR where the registry deletes nothing, or no tags;
 * AUTHENTICATION_…
 * @example
 * await deleteImage('localhost:5000/app:old');
 */
export async function deleteImage(reference: string | Reference, options: RegistryOptions = {}): Promise<void> {
  checkOptions('deleteImage', options, REGISTRY_CHECKS);
  await deleteFrom(referenceOf(reference), options);
}

/**
 * Reads the manifest or index that a name stands for; with a platform, the manifest of the image that is chosen by it.
 * The bytes have the digest and the size of the descriptor.
 * @param source a reference, which is taken from the store or else from its registry, or any SOURCE
 * @throws USAGE, REFERENCE_INVALID, PLATFORM_INVALID, IMAGE_NOT_FOUND, PLATFORM_NOT_FOUND, DOCUMENT_INVALID,
 * LIMIT_EXCEEDED, REGISTRY_…, AUTHENTICATION_…
 * @example
 * const { descriptor, entries } = await readManifest('docker://alpine:3.20');
 */
export async function readManifest(
  source: string,
  options: WithPlatform<ReadManifestOptions> = {},
): Promise<RawManifest> {
  checkSource('source', source);
  checkOptions('readManifest', options, MANIFEST_CHECKS);
  const { signal, onEvent } = options;
  return await read(source, withPlatform(options), { signal, onEvent });
}

/**
 * Attaches files to an image or an index in its registry, as oras does: pushes an artifact whose subject is the image.
 * The registry lists the artifact among the referrers of the image; for a registry without that list, the tag that
 * clients keep for it is maintained. Equal files give the same digest with `$SOURCE_DATE_EPOCH`. OCI image spec,
 * manifest.md, "Guidelines for Artifact Usage".
 * @param reference with `platform`, the image of an index that is chosen by it
 * @throws USAGE, REFERENCE_INVALID, PLATFORM_INVALID, SOURCE_NOT_FOUND, IMAGE_NOT_FOUND, FILESYSTEM, REGISTRY_…,
 * AUTHENTICATION_…; DIGEST_MISMATCH where a file changes while it is sent
 * @example
 * const files = [{ path: 'sbom.spdx.json', mediaType: 'application/spdx+json' }];
 * await attachFiles('localhost:5000/app:1', files, { artifactType: 'application/spdx+json' });
 */
export async function attachFiles(
  reference: string | Reference,
  files: readonly ArtifactFile[],
  options: WithPlatform<AttachOptions> = {},
): Promise<AttachReport> {
  checkFiles('files', files);
  checkOptions('attachFiles', options, ATTACH_CHECKS);
  return await attach(referenceOf(reference), files, withPlatform(options));
}

import { Readable } from 'node:stream';
import { checkContent } from '../crypto/digest.ts';
import { TsimgError } from '../errors.ts';
import type { Sink } from '../image/sink.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { MAX_DOCUMENT_BYTES } from '../oci/document.ts';
import { isManifestOrIndex } from '../oci/media-type.ts';
import { formatReference, isTag, parseReference, type Reference } from '../oci/reference.ts';
import { openRegistryClient, type RegistryClient } from '../registry/client.ts';
import type { RegistryOptions } from '../registry/session.ts';
import type { UploadOptions } from '../registry/write/upload.ts';
import { collect } from '../streams/collect.ts';
import { type Content, type OpenContent, openContent } from '../streams/content.ts';

/** How images are pushed to a repository. */
export interface RegistrySinkOptions extends RegistryOptions, Omit<UploadOptions, 'signal'> {}

/** Bytes of a request at least: a blob would take a request for each few bytes. */
const LEAST_CHUNK = 1024;

/** The most documents that are remembered: `write` was given them, and `publish` puts them at a tag. */
const MAX_REMEMBERED = 64;

/** The tag that a name stands for in this repository. @throws USAGE for a name of another repository */
function tagOf(reference: Reference, name: string): string | undefined {
  if (isTag(name)) return name;
  const { registry, repository, tag } = parseReference(name);
  if (registry === reference.registry && repository === reference.repository) return tag;
  throw new TsimgError('USAGE', 'a name of another repository', {
    where: name,
    hint: `this copy goes to ${formatReference({ ...reference, tag: undefined, digest: undefined })}`,
  });
}

/** A stream that was opened by the caller can be sent once. */
function opening(content: Content): OpenContent {
  if (typeof content === 'function') return content;
  if (content instanceof Uint8Array) return async () => Readable.from([content], { objectMode: false });
  let isUsed = false;
  return async () => {
    if (isUsed) {
      throw new TsimgError('REGISTRY_ERROR', 'the upload broke off, and its content cannot be read again', {
        hint: 'push it again',
      });
    }
    isUsed = true;
    return content;
  };
}

async function documentBytes(descriptor: Descriptor, content: Content, limit: number): Promise<Buffer> {
  const where = descriptor.digest;
  const bytes =
    content instanceof Uint8Array ? Buffer.from(content) : await collect(await openContent(content), limit, where);
  checkContent(bytes, descriptor, where);
  return bytes;
}

/**
 * Opens one repository of a registry for writing. Blobs that it has are not sent; those of `mountFrom` are mounted. A
 * broken upload is resumed. No connection is made before the first request. The caller closes the sink. OCI
 * distribution spec, "Push".
 * @throws REFERENCE_INVALID, USAGE for a chunk size below 1 KiB; the sink's methods: REGISTRY_UNREACHABLE,
 * REGISTRY_ERROR, AUTHENTICATION_REQUIRED, AUTHENTICATION_DENIED, CREDENTIALS_INVALID, and the errors of the content
 * @example
 * await using opened = await openImage('./app.tar');
 * const sink = openRegistrySink(parseReference('localhost:5000/app:1'));
 * await copyImage(opened.image, sink, { names: ['1'] });
 * await sink.close();
 */
export function openRegistrySink(reference: Reference, options: RegistrySinkOptions = {}): Sink {
  const { mountFrom, chunkSize, requests } = options;
  const documentLimit = requests?.maxDocument ?? MAX_DOCUMENT_BYTES;
  const label = formatReference(reference);
  if (chunkSize !== undefined && !(chunkSize >= LEAST_CHUNK)) {
    throw new TsimgError('USAGE', 'the size of a request is too small', {
      where: `${chunkSize}`,
      hint: `at least ${LEAST_CHUNK} bytes; registries want some MiB`,
    });
  }
  const client = openRegistryClient(reference, { ...options, toWrite: true });
  const remembered = new Map<Digest, { readonly descriptor: Descriptor; readonly bytes: Buffer }>();

  const fetchAgain = async (digest: Digest, signal?: AbortSignal) => {
    const document = await client.document(digest, { signal });
    if (document !== undefined) return document;
    throw new TsimgError('BLOB_NOT_FOUND', `no manifest ${digest}`, { where: label });
  };
  const putAt = async (tag: string, descriptor: Descriptor, signal?: AbortSignal) =>
    client.put(remembered.get(descriptor.digest) ?? (await fetchAgain(descriptor.digest, signal)), tag, signal);

  return {
    label,
    has: (descriptor, signal) => has(client, descriptor, signal),
    async write(descriptor, content, signal) {
      if (!isManifestOrIndex(descriptor.mediaType)) {
        await client.upload(descriptor, opening(content), { mountFrom, chunkSize, signal });
        return;
      }
      const bytes = await documentBytes(descriptor, content, documentLimit);
      const { mediaType, digest, size } = descriptor;
      const document = { descriptor: { mediaType, digest, size }, bytes };
      await client.put(document, digest, signal);
      if (remembered.size >= MAX_REMEMBERED) remembered.clear();
      remembered.set(digest, document);
    },
    async publish(descriptor, names, signal) {
      for (const name of names) {
        const tag = tagOf(reference, name);
        if (tag !== undefined) await putAt(tag, descriptor, signal);
      }
    },
    async attach(_subject, descriptor, tag, signal) {
      if (tag !== undefined) await putAt(tag, descriptor, signal);
      // A referrer that was there before may be missing in the list of referrers: putting it again adds it.
      else if (!remembered.has(descriptor.digest)) await putAt(descriptor.digest, descriptor, signal);
    },
    close: async () => client.close(),
  };
}

/** Whether the registry has content. A foreign layer with URLs counts as there: it is not pushed, but stays at them. */
async function has(client: RegistryClient, descriptor: Descriptor, signal?: AbortSignal): Promise<boolean> {
  if (isManifestOrIndex(descriptor.mediaType))
    return (await client.head(descriptor.digest, signal))?.digest === descriptor.digest;
  const isForeign = /nondistributable|\.foreign\./.test(descriptor.mediaType) && (descriptor.urls?.length ?? 0) > 0;
  return isForeign || client.hasBlob(descriptor, signal);
}

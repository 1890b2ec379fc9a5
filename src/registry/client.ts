import type { Readable } from 'node:stream';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { OpenContent } from '../streams/content.ts';
import { openBlob, readBlob } from './blob.ts';
import { type DocumentOptions, type FetchedDocument, getDocument, headDocument } from './document.ts';
import { listReferrers } from './referrers.ts';
import { openSession, type RegistryOptions } from './session.ts';
import { listTags } from './tags.ts';
import { deleteDocument } from './write/documents.ts';
import { putWithSubject } from './write/referrers-tag.ts';
import { hasBlob, type UploadOptions, uploadBlob } from './write/upload.ts';

/** One repository of a registry, read and written by the OCI distribution spec. */
export interface RegistryClient {
  /** Asks what a tag or digest stands for. The answer is not verified. Undefined when only `document` can tell. */
  head(version: string, signal?: AbortSignal): Promise<Descriptor | undefined>;
  /** Fetches a manifest or index by tag or digest; its digest is computed. Undefined when there is none. */
  document(version: string, options?: DocumentOptions): Promise<FetchedDocument | undefined>;
  /** Opens a blob, resumed after broken connections. **Not verified**: pass it through `verified`. */
  blob(descriptor: Descriptor, signal?: AbortSignal): Promise<Readable>;
  /** The same as chunks; the request is sent when the first chunk is asked for. */
  blobChunks(descriptor: Descriptor, signal?: AbortSignal): AsyncIterable<Buffer>;
  /** Whether the repository has a blob of this digest and size. */
  hasBlob(descriptor: Descriptor, signal?: AbortSignal): Promise<boolean>;
  /** Uploads a blob, or mounts it; see `uploadBlob`. */
  upload(descriptor: Descriptor, open: OpenContent, options?: UploadOptions): Promise<'mounted' | 'sent'>;
  /** Puts a manifest or index at a tag or its own digest. One with a subject is found among the subject's referrers. */
  put(document: FetchedDocument, version: string, signal?: AbortSignal): Promise<void>;
  /** Deletes a manifest by its digest, or a tag; false where there is none. */
  delete(version: string, signal?: AbortSignal): Promise<boolean>;
  tags(): Promise<readonly string[] | undefined>;
  referrers(subject: Digest): Promise<readonly Descriptor[]>;
  close(): void;
}

/**
 * Opens a client for one repository. No connection is made before the first request.
 * @throws REFERENCE_INVALID; the client's methods: REGISTRY_UNREACHABLE, REGISTRY_ERROR, AUTHENTICATION_REQUIRED,
 * AUTHENTICATION_DENIED, CREDENTIALS_INVALID, LIMIT_EXCEEDED
 */
export function openRegistryClient(
  repository: { readonly registry: string; readonly repository: string },
  options: RegistryOptions & { readonly allowForeignUrls?: boolean | undefined },
): RegistryClient {
  const session = openSession(repository, options);
  const blobOptions = (signal?: AbortSignal) => ({ allowForeignUrls: options.allowForeignUrls === true, signal });
  return {
    head: (version, signal) => headDocument(session, version, signal),
    document: (version, documentOptions) => getDocument(session, version, documentOptions),
    blob: (descriptor, signal) => openBlob(session, descriptor, blobOptions(signal)),
    blobChunks: (descriptor, signal) => readBlob(session, descriptor, blobOptions(signal)),
    hasBlob: (descriptor, signal) => hasBlob(session, descriptor, signal),
    upload: (descriptor, open, uploadOptions) => uploadBlob(session, descriptor, open, uploadOptions),
    put: (document, version, signal) => putWithSubject(session, document, version, signal),
    delete: (version, signal) => deleteDocument(session, version, signal),
    tags: () => listTags(session),
    referrers: (subject) => listReferrers(session, subject),
    close: () => session.close(),
  };
}

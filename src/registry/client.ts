import type { Readable } from 'node:stream';
import { TsimgError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { OpenContent } from '../streams/content.ts';
import { findBlob, openBlob, readBlob } from './blob.ts';
import { type DocumentOptions, documentName, type FetchedDocument, getDocument, headDocument } from './document.ts';
import type { Wanted } from './mirrors/plan-hosts.ts';
import { askInOrder, type Failure, withFailures } from './over-hosts.ts';
import { listReferrers } from './referrers.ts';
import { openRepository } from './repository.ts';
import type { RegistryOptions, Session } from './session.ts';
import { listTags } from './tags.ts';
import type { DeleteOptions } from './write/documents.ts';
import { deleteWithSubject, putWithSubject } from './write/referrers-tag.ts';
import { hasBlob, type UploadOptions, uploadBlob } from './write/upload.ts';

/** One repository of a registry, read and written by the OCI distribution spec. */
export interface RegistryClient {
  /** Asks what a tag or digest stands for. The answer is not verified. Undefined when only `document` can tell. */
  head(version: string, signal?: AbortSignal): Promise<Descriptor | undefined>;
  /** Fetches a manifest or index by tag or digest; its digest is computed. Undefined when there is none. */
  document(version: string, options?: DocumentOptions): Promise<FetchedDocument | undefined>;
  /** Opens a blob, resumed after broken connections. **Not verified**: pass the whole through `verified`. */
  blob(descriptor: Descriptor, signal?: AbortSignal): Promise<Readable>;
  /** The same as chunks, from an offset in bytes (default 0). The request is sent when the first one is asked for. */
  blobChunks(descriptor: Descriptor, signal?: AbortSignal, offset?: number): AsyncIterable<Buffer>;
  /**
   * Makes the client fetch a blob that turned out wrong from the last host alone from now on. Returns whether that can
   * help: whether another host may have sent it.
   */
  distrust(descriptor: Descriptor): Promise<boolean>;
  /** Whether a blob of this digest and size can be fetched. */
  offersBlob(descriptor: Descriptor, signal?: AbortSignal): Promise<boolean>;
  /** Whether the repository that is pushed to has a blob of this digest and size. */
  hasBlob(descriptor: Descriptor, signal?: AbortSignal): Promise<boolean>;
  /** Uploads a blob, or mounts it; see `uploadBlob`. */
  upload(descriptor: Descriptor, open: OpenContent, options?: UploadOptions): Promise<'mounted' | 'sent'>;
  /** Puts a manifest or index at a tag or its own digest. One with a subject is found among the subject's referrers. */
  put(document: FetchedDocument, version: string, signal?: AbortSignal): Promise<void>;
  /** Deletes a manifest by its digest, or a tag; false where there is none. */
  delete(version: string, options?: DeleteOptions): Promise<boolean>;
  tags(signal?: AbortSignal): Promise<readonly string[] | undefined>;
  referrers(subject: Digest, signal?: AbortSignal): Promise<readonly Descriptor[]>;
  close(): void;
}

/** How a client's repository is reached, and what for. */
export interface ClientOptions extends RegistryOptions {
  readonly allowForeignUrls?: boolean | undefined;
  /** Whether it is written to: then the host that takes content is asked for all, and no mirror for anything. */
  readonly toWrite?: boolean | undefined;
}

/**
 * Opens a client for one repository. Mirrors are asked first, as the files of this machine say, and the registry last.
 * No connection is made before the first request.
 * @param wanted its tag or digest decides which mirrors are asked
 * @throws REFERENCE_INVALID; the client's methods: REGISTRY_UNREACHABLE, REGISTRY_ERROR, REGISTRY_BLOCKED,
 * REGISTRIES_INVALID, AUTHENTICATION_REQUIRED, AUTHENTICATION_DENIED, CREDENTIALS_INVALID, LIMIT_EXCEEDED
 */
export function openRegistryClient(wanted: Wanted, options: ClientOptions): RegistryClient {
  const repository = openRepository(wanted, options);
  const { repository: name } = wanted;
  const distrusted = new Set<Digest>();
  const writer = () => repository.writer();
  const readers = async (version: string) => (options.toWrite ? [await writer()] : repository.readers(version));
  const allowForeignUrls = options.allowForeignUrls === true;

  const blobHosts = async ({ digest }: Descriptor) => {
    const hosts = await readers(digest);
    return distrusted.has(digest) ? hosts.slice(-1) : hosts;
  };

  async function* blobChunks(
    descriptor: Descriptor,
    signal?: AbortSignal,
    offset?: number,
  ): AsyncGenerator<Buffer, void> {
    yield* readBlob(await blobHosts(descriptor), descriptor, { allowForeignUrls, signal, offset });
  }

  const document = async (version: string, { signal, onMissing }: DocumentOptions = {}) => {
    const what = documentName({ repository: name }, version);
    return askInOrder(await readers(version), {
      what,
      ask: (session, failures) => {
        const tell = (refusal: TsimgError) => onMissing?.(missing(refusal, session, failures));
        return getDocument(session, version, { signal, onMissing: tell });
      },
    });
  };

  return {
    head: async (version, signal) =>
      askInOrder(await readers(version), {
        what: documentName({ repository: name }, version),
        ask: (session) => headDocument(session, version, signal),
      }),
    document,
    blob: async (descriptor, signal) => openBlob(await blobHosts(descriptor), descriptor, { allowForeignUrls, signal }),
    blobChunks,
    distrust: async ({ digest }) => {
      const isNew = !distrusted.has(digest) && (await readers(digest)).length > 1;
      distrusted.add(digest);
      return isNew;
    },
    offersBlob: async (descriptor, signal) => findBlob(await blobHosts(descriptor), descriptor, signal),
    hasBlob: async (descriptor, signal) => hasBlob(await writer(), descriptor, signal),
    upload: async (descriptor, open, uploadOptions) => uploadBlob(await writer(), descriptor, open, uploadOptions),
    put: async (content, version, signal) => putWithSubject(await writer(), content, version, signal),
    delete: async (version, deleteOptions) => deleteWithSubject(await writer(), version, deleteOptions),
    tags: async (signal) => listTags(await repository.origin(), signal),
    referrers: async (subject, signal) => {
      const what = `referrers of ${name}@${subject}`;
      const ask = async (session: Session) => {
        const found = await listReferrers(session, subject, signal);
        // A mirror may not know the list.
        return found.length === 0 ? undefined : found;
      };
      return (await askInOrder(await readers(subject), { what, ask })) ?? [];
    },
    close: () => repository.close(),
  };
}

/** The refusal of a host that has no such document, which tells of other hosts, too. */
function missing(refusal: TsimgError, session: Session, failures: readonly Failure[]): TsimgError {
  const told = withFailures(refusal, session, failures);
  if (failures.length === 0) return told;
  const { code, what, where, why, hint, facts } = told;
  return new TsimgError(code, what, { where, why, hint, facts: { ...facts, said: why ?? '' } });
}

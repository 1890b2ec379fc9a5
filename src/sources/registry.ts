import { pipeline, Readable } from 'node:stream';
import { checkContent } from '../crypto/digest.ts';
import { TsimgError } from '../errors.ts';
import type { Source } from '../image/source.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { type Digest, isDigest } from '../oci/digest.ts';
import { documentKindOf } from '../oci/media-type.ts';
import { formatFamiliar, formatReference, isTag, parseReference, type Reference } from '../oci/reference.ts';
import { openRegistryClient } from '../registry/client.ts';
import type { FetchedDocument } from '../registry/document.ts';
import type { RegistryOptions } from '../registry/session.ts';
import { freeingChunks } from '../streams/chunk-memory.ts';
import { skipping } from '../streams/skipping.ts';
import { verified } from '../streams/verified.ts';
import type { SourceLimits } from './files/unwrap-options.ts';

/** How a repository is read. */
export interface RegistrySourceOptions extends RegistryOptions {
  /** Only `maxDocument` is used. It wins over that of `requests`. */
  readonly limits?: SourceLimits | undefined;
  /** Whether foreign layers are fetched, without credentials, from the URLs in their descriptors. Default false. */
  readonly allowForeignUrls?: boolean | undefined;
  /** As `toWrite` of a client: whether the host that takes content is asked, and no mirror. Default false. */
  readonly toWrite?: boolean | undefined;
  /**
   * Returns whether the caller has a document already. When this is given, a tag is resolved by HEAD, which transfers
   * nothing and which Docker Hub does not count. The answer is believed: a lying registry can only name a document that
   * it could have sent.
   */
  readonly known?: ((descriptor: Descriptor) => Promise<boolean>) | undefined;
}

/** Bytes of documents that are kept, so that nobody fetches them twice: registries count the requests. */
const MOST_REMEMBERED = 8 * 1024 * 1024;

/**
 * The tag or digest for a request, from a tag, a digest, or a reference to this repository; undefined for another
 * repository.
 */
function versionOf(reference: Reference, name: string | undefined): string | undefined {
  if (name === undefined) return reference.digest ?? reference.tag ?? 'latest';
  if (isDigest(name) || isTag(name)) return name;
  const other = parseReference(name);
  const same = other.registry === reference.registry && other.repository === reference.repository;
  return same ? (other.digest ?? other.tag) : undefined;
}

/**
 * Opens one repository of a registry as a source of images. `resolve` without a name resolves the reference's digest,
 * else its tag. No connection is made before the first request; credentials are looked up when the registry asks for
 * them, where podman and docker keep theirs. The caller closes the source.
 * @throws REFERENCE_INVALID; the source's methods: REGISTRY_UNREACHABLE, REGISTRY_ERROR, AUTHENTICATION_REQUIRED,
 * AUTHENTICATION_DENIED, CREDENTIALS_INVALID, IMAGE_NOT_FOUND, BLOB_NOT_FOUND, LIMIT_EXCEEDED
 * @example
 * const source = openRegistrySource(parseReference('alpine:3.19'));
 * const descriptor = await source.resolve(); // the index that the tag stands for
 * await source.close();
 */
export function openRegistrySource(reference: Reference, options: RegistrySourceOptions = {}): Source {
  const label = formatReference(reference);
  const documentLimit = options.limits?.maxDocument ?? options.requests?.maxDocument;
  const requests = { ...options.requests, maxDocument: documentLimit };
  const client = openRegistryClient(reference, { ...options, requests });
  const bare = formatFamiliar({ ...reference, tag: undefined, digest: undefined });
  const missingHint = `tsimg tags ${bare} lists the tags`;
  const remembered = new Map<Digest, FetchedDocument>();
  let rememberedBytes = 0;

  const remember = (document: FetchedDocument): Descriptor => {
    const { digest, size } = document.descriptor;
    if (remembered.has(digest)) return document.descriptor;
    rememberedBytes += size;
    if (rememberedBytes > MOST_REMEMBERED) {
      remembered.clear();
      rememberedBytes = size;
    }
    remembered.set(digest, document);
    return document.descriptor;
  };

  const openDocument = async (descriptor: Descriptor, signal?: AbortSignal): Promise<Readable> => {
    const document = remembered.get(descriptor.digest) ?? (await client.document(descriptor.digest, { signal }));
    if (document === undefined) {
      throw new TsimgError('BLOB_NOT_FOUND', `no manifest ${descriptor.digest}`, { where: label });
    }
    checkContent(document.bytes, descriptor, `${label} ${descriptor.digest}`);
    remember(document);
    return Readable.from([document.bytes], { objectMode: false });
  };

  return {
    place: { transport: 'docker', reference },
    label,
    documentLimit,
    missingHint,
    resolve: async (name, signal) => {
      const version = versionOf(reference, name);
      if (version === undefined) return undefined;
      if (options.known !== undefined) {
        const head = await client.head(version, signal);
        const asked = !isDigest(version) || head?.digest === version;
        if (head !== undefined && asked && (await options.known(head))) return head;
      }
      let refusal: TsimgError | undefined;
      const onMissing = (error: TsimgError) => {
        refusal = error;
      };
      const document = await client.document(version, { signal, onMissing });
      if (document !== undefined) return remember(document);
      if (refusal === undefined || refusal.facts.said === '') return undefined;
      const { why, facts } = refusal;
      const where = name === label ? undefined : label;
      throw new TsimgError('IMAGE_NOT_FOUND', `no image ${name ?? version}`, { where, why, hint: missingHint, facts });
    },
    open: async (descriptor, signal) => {
      if (documentKindOf(descriptor.mediaType) !== 'other') return openDocument(descriptor, signal);
      const checked = verified(descriptor, `${label} ${descriptor.digest}`);
      // An error of either end destroys `checked`, and so reaches the reader.
      return pipeline(await client.blob(descriptor, signal), checked, () => {});
    },
    openAt: async (descriptor, offset, signal) =>
      documentKindOf(descriptor.mediaType) === 'other'
        ? client.blobChunks(descriptor, signal, offset)
        : skipping(await openDocument(descriptor, signal), offset),
    distrust: (descriptor) => client.distrust(descriptor),
    fetch: (descriptor, signal) => freeingChunks(client.blobChunks(descriptor, signal)),
    referrers: (subject, signal) => client.referrers(subject, signal),
    attached: async (tag, signal) => {
      // A tag of a sha512 digest would be too long for one.
      if (!isTag(tag)) return undefined;
      const document = await client.document(tag, { signal });
      return document && remember(document);
    },
    close: async () => client.close(),
  };
}

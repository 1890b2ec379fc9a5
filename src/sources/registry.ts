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
import { verified } from '../streams/verified.ts';
import type { SourceLimits } from './files/unwrap-options.ts';

export interface RegistrySourceOptions extends Omit<RegistryOptions, 'documentLimit'> {
  /** How large a document may be. */
  readonly limits?: SourceLimits | undefined;
  /** Whether layers that the registry does not keep may be fetched, anonymously, from the URLs that the manifest names. */
  readonly allowForeignUrls?: boolean | undefined;
  /**
   * Whether a document is at hand already. Then a tag is asked for by HEAD, which transfers nothing and which Docker Hub does
   * not count, and its word is taken: a registry that lies there can only name what it could have sent.
   */
  readonly known?: ((descriptor: Descriptor) => Promise<boolean>) | undefined;
}

/** Documents that were fetched by tag, so that opening them next does not fetch them again. */
const MAX_REMEMBERED = 16;

/** The tag or digest that stands in a URL for a name: a tag, a digest, or a reference of this very repository. */
function versionOf(reference: Reference, name: string | undefined): string | undefined {
  if (name === undefined) return reference.digest ?? reference.tag ?? 'latest';
  if (isDigest(name) || isTag(name)) return name;
  const other = parseReference(name);
  const same = other.registry === reference.registry && other.repository === reference.repository;
  return same ? (other.digest ?? other.tag) : undefined;
}

/**
 * One repository of a registry as a source of images. `resolve` without a name takes the reference's digest, else its tag.
 * Opens no connection yet. @throws REFERENCE_INVALID
 */
export function openRegistrySource(reference: Reference, options: RegistrySourceOptions = {}): Source {
  const label = formatReference(reference);
  const documentLimit = options.limits?.maxDocument;
  const client = openRegistryClient(reference, { ...options, documentLimit });
  const missingHint = `tsimg tags ${formatFamiliar({ ...reference, tag: undefined, digest: undefined })} lists what there is`;
  const remembered = new Map<Digest, FetchedDocument>();

  const remember = (document: FetchedDocument): Descriptor => {
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    remembered.set(document.descriptor.digest, document);
    return document.descriptor;
  };

  const openDocument = async (descriptor: Descriptor, signal?: AbortSignal): Promise<Readable> => {
    const document = remembered.get(descriptor.digest) ?? (await client.document(descriptor.digest, { signal }));
    if (document === undefined) {
      throw new TsimgError('BLOB_NOT_FOUND', `no manifest ${descriptor.digest}`, { where: label });
    }
    checkContent(document.bytes, descriptor, `${label} ${descriptor.digest}`);
    return Readable.from([document.bytes], { objectMode: false });
  };

  return {
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
      // the error of either end is the reader's: `checked` is destroyed with it
      return pipeline(await client.blob(descriptor, signal), checked, () => {});
    },
    fetch: (descriptor, signal) => client.blobChunks(descriptor, signal),
    referrers: (subject) => client.referrers(subject),
    close: async () => client.close(),
  };
}

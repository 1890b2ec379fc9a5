import { Readable } from 'node:stream';
import { isMismatch } from '../../crypto/digest.ts';
import { TsimgError } from '../../errors.ts';
import { readDocument } from '../../image/read-document.ts';
import type { Source } from '../../image/source.ts';
import { ANNOTATION } from '../../oci/annotations.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { type Digest, isDigest } from '../../oci/digest.ts';
import { parseJson } from '../../oci/document.ts';
import { type ImageIndex, isAttestation, parseImageIndex } from '../../oci/image-index.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { documentKindOf, MEDIA_TYPE } from '../../oci/media-type.ts';
import { blobName, LAYOUT } from '../../store/layout-names.ts';
import { type Files, readWhole, readWholeDocument } from '../files/files.ts';
import { locateBlob, openBlob } from '../files/open-blob.ts';
import { attachedIn, referrersIn } from './attached-in.ts';
import { type Companions, companionsOf } from './companions.ts';
import { type Entry, namedImages, selectEntry } from './select-entry.ts';

export interface LayoutOptions {
  /** Whether index.json without oci-layout is enough. */
  readonly unmarked?: boolean | undefined;
  /** Whether a tag alone names an image. */
  readonly bareTags: boolean;
  /** Names from docker's manifest.json, by the digest of the image's config. */
  readonly extraNames?: ReadonlyMap<Digest, readonly string[]> | undefined;
}

/** @throws ARCHIVE_INVALID, FORMAT_UNSUPPORTED */
async function checkMarker(files: Files, signal?: AbortSignal): Promise<void> {
  const { label } = files;
  const marker = await readWhole(files, LAYOUT.marker, 4096, signal);
  if (marker === undefined) {
    throw new TsimgError('ARCHIVE_INVALID', 'not an OCI layout', { where: label, why: 'it has no file oci-layout' });
  }
  const value = parseJson(marker, LAYOUT.marker, `${label} ${LAYOUT.marker}`);
  const version = typeof value === 'object' && value !== null ? Reflect.get(value, 'imageLayoutVersion') : undefined;
  if (typeof version !== 'string' || !version.startsWith('1.')) {
    throw new TsimgError('FORMAT_UNSUPPORTED', 'an OCI layout of another version', {
      where: label,
      why: `it says ${JSON.stringify(version)}, tsimg reads 1.0.0`,
    });
  }
}

/** @throws ARCHIVE_INVALID */
async function readLayoutIndex(files: Files, signal?: AbortSignal): Promise<ImageIndex> {
  const { label } = files;
  const bytes = await readWholeDocument(files, LAYOUT.index, signal);
  if (bytes === undefined) {
    throw new TsimgError('ARCHIVE_INVALID', 'not an OCI layout', { where: label, why: 'it has no index.json' });
  }
  return parseImageIndex(bytes, MEDIA_TYPE.ociIndex, `${label} ${LAYOUT.index}`);
}

/** Collects names and digests of an entry of index.json. */
function entryOf(descriptor: Descriptor): Entry {
  const { annotations = {} } = descriptor;
  const refName = annotations[ANNOTATION.refName] || undefined;
  // Where both annotations are there, one is the tag of the other.
  const name = annotations[ANNOTATION.containerdName] || refName;
  const from = annotations[ANNOTATION.chosenFrom];
  const chosenFrom = from !== undefined && isDigest(from) ? from : undefined;
  return {
    descriptor,
    names: name === undefined ? [] : [name],
    aliases: refName === undefined ? [] : [refName],
    digests: [descriptor.digest, ...(chosenFrom === undefined ? [] : [chosenFrom])],
    chosenFrom,
  };
}

/**
 * Opens an OCI layout, in an archive or a directory, as a source. A missing blob is an error only when it is read.
 * @throws ARCHIVE_INVALID, FORMAT_UNSUPPORTED, DOCUMENT_INVALID, LIMIT_EXCEEDED
 */
export async function openLayoutSource(files: Files, options: LayoutOptions, signal?: AbortSignal): Promise<Source> {
  const { label } = files;
  if (options.unmarked !== true) await checkMarker(files, signal);
  const index = await readLayoutIndex(files, signal);
  const synthetic = new Map<Digest, Buffer>();

  const source: Source = {
    label,
    documentLimit: files.documentLimit,
    async resolve(name, abort, wanted) {
      const selection = await selectEntry(await entries(), name, {
        label,
        bareTags: options.bareTags,
        companions: options.bareTags ? () => companions(abort) : undefined,
        byPlace: options.bareTags ? index.manifests : undefined,
        wanted,
        imageId: (descriptor) => configDigest(descriptor, abort),
      });
      if (wanted === undefined && selection?.chosenFrom !== undefined) {
        const index = await indexAt(selection.chosenFrom, abort);
        if (index !== undefined) return index;
      }
      if (selection?.synthetic !== undefined) synthetic.set(selection.descriptor.digest, selection.synthetic);
      return selection?.descriptor ?? (options.bareTags && name !== undefined ? unlisted(name) : undefined);
    },
    async open(descriptor, abort) {
      const bytes = synthetic.get(descriptor.digest);
      if (bytes !== undefined) return Readable.from([bytes]);
      return openBlob(files, blobName(descriptor.digest), descriptor, abort);
    },
    locate: async (descriptor) =>
      synthetic.has(descriptor.digest) ? undefined : locateBlob(files, blobName(descriptor.digest), descriptor),
    referrers: (subject, abort) => referrersIn(index.manifests, subject, (descriptor) => readHere(descriptor, abort)),
    attached: async (tag) => attachedIn(index.manifests, tag),
    list: async (abort) => namedImages(await entries(), options.bareTags ? await companions(abort) : undefined),
    close: () => files.close(),
  };

  /**
   * Finds a manifest that index.json does not list, such as a member of an index, by its digest. The reader tells its
   * media type from the bytes.
   */
  async function unlisted(name: string): Promise<Descriptor | undefined> {
    const size = isDigest(name) ? await files.size(blobName(name)) : undefined;
    return size === undefined || !isDigest(name) ? undefined : { mediaType: '', digest: name, size };
  }

  /** Describes the index that images were chosen from; undefined where it is missing. */
  async function indexAt(digest: Digest, abort?: AbortSignal): Promise<Descriptor | undefined> {
    const size = await files.size(blobName(digest));
    if (size === undefined) return undefined;
    const where = `${label} ${digest}`;
    const bytes = await readDocument(source, { mediaType: '', digest, size }, abort);
    return { mediaType: parseImageIndex(bytes, '', where).mediaType || MEDIA_TYPE.ociIndex, digest, size };
  }

  /** Reads a document; undefined where it is missing or has another size. */
  async function readHere(descriptor: Descriptor, abort?: AbortSignal): Promise<Buffer | undefined> {
    if ((await files.size(blobName(descriptor.digest))) !== descriptor.size) return undefined;
    return readDocument(source, descriptor, abort);
  }

  async function companions(abort?: AbortSignal): Promise<Companions> {
    return companionsOf(await entries(), (descriptor) => readHere(descriptor, abort));
  }

  /** Returns the image ID; undefined for an index, and where the manifest is missing. */
  async function configDigest(descriptor: Descriptor, abort?: AbortSignal): Promise<Digest | undefined> {
    if (documentKindOf(descriptor.mediaType) !== 'manifest') return undefined;
    if ((await files.size(blobName(descriptor.digest))) === undefined) return undefined;
    try {
      const bytes = await readDocument(source, descriptor, abort);
      return parseManifest(bytes, descriptor.mediaType, `${label} ${descriptor.digest}`).config.digest;
    } catch (error) {
      // A damaged manifest has no ID, and must not hide the other images. It fails when it is asked for.
      if (isMismatch(error)) return undefined;
      throw error;
    }
  }

  async function entries(): Promise<readonly Entry[]> {
    const found = index.manifests.filter((descriptor) => !isAttestation(descriptor)).map(entryOf);
    const { extraNames } = options;
    if (extraNames === undefined) return found;
    return Promise.all(
      found.map(async (entry) => {
        if (entry.names.length > 0) return entry;
        const id = await configDigest(entry.descriptor);
        return { ...entry, names: (id === undefined ? undefined : extraNames.get(id)) ?? [] };
      }),
    );
  }

  return source;
}

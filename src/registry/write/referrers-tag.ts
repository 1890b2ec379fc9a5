import { setTimeout } from 'node:timers/promises';
import { TsimgError } from '../../errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { type Digest, isDigest } from '../../oci/digest.ts';
import { parseImageIndex } from '../../oci/image-index.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { documentKindOf, MEDIA_TYPE } from '../../oci/media-type.ts';
import { referrersTag } from '../../oci/reference.ts';
import { indexDocument } from '../../oci/write-document.ts';
import { documentOf, type FetchedDocument, getDocument } from '../document.ts';
import { askReferrersApi } from '../referrers.ts';
import type { Session } from '../session.ts';
import { type DeleteOptions, deleteDocument, putDocument } from './documents.ts';

/** Attempts to change a list beside other writers of the same tag. */
const ATTEMPTS = 10;
/** The least and the most milliseconds between a write of the list and the look at what has become of it. */
const MIN_SETTLE = 100;
const MAX_SETTLE = 3000;
const OTHERS_REPLACE = 'other clients replace the list again and again';

/**
 * Waits until another writer that read the list before it was written has probably written it, too: it takes about as
 * long as this one took to read and to write. The random part makes writers that were in step take turns.
 */
async function settle(taken: number, signal?: AbortSignal): Promise<void> {
  const time = Math.min(Math.max(MIN_SETTLE, taken * 3), MAX_SETTLE);
  await setTimeout(time * (1 + Math.random() / 2), undefined, { signal });
}

async function entriesAt(session: Session, tag: string, signal?: AbortSignal): Promise<readonly Descriptor[]> {
  const found = await getDocument(session, tag, { signal });
  if (found === undefined) return [];
  if (documentKindOf(found.descriptor.mediaType) !== 'index') {
    throw new TsimgError('REGISTRY_ERROR', 'the tag for referrers is no list of them', {
      where: `${session.repository}:${tag}`,
      hint: 'delete this tag, or push to another repository',
    });
  }
  return parseImageIndex(found.bytes, found.descriptor.mediaType, tag).manifests;
}

/**
 * Changes the list of referrers at a tag. Another client may replace the list at the same moment: it is read again a
 * while afterwards, and changed again. Returns false where it stays as others write it.
 * @param change returns the wanted entries, and undefined for entries that are as wanted
 */
async function replaceList(
  session: Session,
  tag: string,
  change: (entries: readonly Descriptor[]) => readonly Descriptor[] | undefined,
  signal?: AbortSignal,
): Promise<boolean> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const began = performance.now();
    const wanted = change(await entriesAt(session, tag, signal));
    if (wanted === undefined) return true;
    const bytes = Buffer.from(indexDocument(MEDIA_TYPE.ociIndex, wanted));
    await putDocument(session, documentOf(MEDIA_TYPE.ociIndex, bytes), tag, signal);
    await settle(performance.now() - began, signal);
  }
  return change(await entriesAt(session, tag, signal)) === undefined;
}

/**
 * Adds a manifest to the list of its subject's referrers, for a registry without the referrers API: clients keep that
 * list at the tag `sha256-HEX`. Distribution spec, "Pushing Manifests with Subject".
 * @throws REGISTRY_ERROR, REGISTRY_UNREACHABLE, AUTHENTICATION_…
 */
async function addReferrer(
  session: Session,
  subject: Digest,
  referrer: Descriptor,
  signal?: AbortSignal,
): Promise<void> {
  const tag = referrersTag(subject);
  const withReferrer = (entries: readonly Descriptor[]) =>
    entries.some(({ digest }) => digest === referrer.digest) ? undefined : [...entries, referrer];
  if (await replaceList(session, tag, withReferrer, signal)) return;
  throw new TsimgError('REGISTRY_ERROR', 'cannot list a referrer', {
    where: `${session.repository}:${tag}`,
    why: OTHERS_REPLACE,
    hint: 'push it again',
  });
}

/** The fields of a manifest or index that its entry in a list of referrers repeats. */
interface Subjected {
  readonly subject?: Descriptor | undefined;
  readonly artifactType?: string | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

function readSubject({ descriptor, bytes }: FetchedDocument): Subjected {
  const { mediaType, digest } = descriptor;
  if (documentKindOf(mediaType) === 'index') return parseImageIndex(bytes, mediaType, digest);
  const manifest = parseManifest(bytes, mediaType, digest);
  // A manifest without a type of its own has that of its config. Distribution spec, "Listing Referrers"
  return { ...manifest, artifactType: manifest.artifactType ?? manifest.config.mediaType };
}

/**
 * Puts a manifest or index at a tag or its own digest. Where it has a subject and the registry does not list referrers
 * by itself, it is added to the list that clients keep.
 * @throws as `putDocument`; DOCUMENT_INVALID
 */
export async function putWithSubject(
  session: Session,
  document: FetchedDocument,
  version: string,
  signal?: AbortSignal,
): Promise<void> {
  const { subject, artifactType, annotations } = readSubject(document);
  const { listsReferrers } = await putDocument(session, document, version, signal);
  if (subject === undefined || listsReferrers) return;
  const { mediaType, digest, size } = document.descriptor;
  await addReferrer(session, subject.digest, { mediaType, digest, size, artifactType, annotations }, signal);
}

/** Returns the subject of a manifest; undefined for a manifest that is not valid, which may be deleted all the same. */
function subjectOf(document: FetchedDocument): Descriptor | undefined {
  try {
    return readSubject(document).subject;
  } catch (error) {
    if (error instanceof TsimgError) return undefined;
    throw error;
  }
}

/** Takes a deleted manifest out of the list of referrers that clients keep. @throws as `putDocument` */
async function removeReferrer(
  session: Session,
  subject: Digest,
  referrer: Digest,
  signal?: AbortSignal,
): Promise<void> {
  if ((await askReferrersApi(session, subject, signal)) !== undefined) return;
  const tag = referrersTag(subject);
  const withoutReferrer = (entries: readonly Descriptor[]) =>
    entries.some(({ digest }) => digest === referrer) ? entries.filter(({ digest }) => digest !== referrer) : undefined;
  if (await replaceList(session, tag, withoutReferrer, signal)) return;
  throw new TsimgError('REGISTRY_ERROR', 'cannot take a referrer off the list', {
    where: `${session.repository}:${tag}`,
    why: OTHERS_REPLACE,
    hint: 'an entry that is left there leads nowhere, and does no harm',
  });
}

/**
 * Fetches a manifest that is to be deleted. One that cannot be read may be deleted all the same: it is told that its
 * subject is not known. @throws REGISTRY_UNREACHABLE; the signal's reason
 */
async function readDoomed(
  session: Session,
  digest: Digest,
  { signal }: DeleteOptions,
): Promise<FetchedDocument | undefined> {
  try {
    return await getDocument(session, digest, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof TsimgError) || error.code === 'REGISTRY_UNREACHABLE') throw error;
    const message = `a list of referrers may go on to name ${digest}, whose subject is not known: ${error.message}`;
    session.context.onEvent?.({ kind: 'warning', message });
    return undefined;
  }
}

/**
 * Deletes a manifest by its digest, or a tag. A manifest with a subject is taken out of the list of the subject's
 * referrers, where clients keep that list; where that fails, the manifest is deleted, and the failure is a warning.
 * Distribution spec, "Deleting Manifests".
 * @returns false where there is no such manifest or tag
 * @throws as `deleteDocument`; REGISTRY_UNREACHABLE; the signal's reason
 */
export async function deleteWithSubject(
  session: Session,
  version: string,
  options: DeleteOptions = {},
): Promise<boolean> {
  const document = isDigest(version) ? await readDoomed(session, version, options) : undefined;
  const subject = document && subjectOf(document);
  const isDeleted = await deleteDocument(session, version, options);
  if (isDeleted && document !== undefined && subject !== undefined) {
    const { digest } = document.descriptor;
    try {
      await removeReferrer(session, subject.digest, digest, options.signal);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof TsimgError)) throw error;
      const message = `${digest} is deleted, but the list of its subject's referrers may still name it: ${error.message}`;
      session.context.onEvent?.({ kind: 'warning', message });
    }
  }
  return isDeleted;
}

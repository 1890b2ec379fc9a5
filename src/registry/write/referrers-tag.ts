import { TsimgError } from '../../errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { algorithmOf, type Digest, hexOf } from '../../oci/digest.ts';
import { parseImageIndex } from '../../oci/image-index.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { documentKindOf, MEDIA_TYPE } from '../../oci/media-type.ts';
import { indexDocument } from '../../oci/write-document.ts';
import { documentOf, type FetchedDocument, getDocument } from '../document.ts';
import type { Session } from '../session.ts';
import { putDocument } from './documents.ts';

/** Attempts to add an entry beside other writers of the same tag. */
const ATTEMPTS = 5;

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
 * Adds a manifest to the list of its subject's referrers, for a registry without the referrers API: clients keep that
 * list at the tag `sha256-HEX`. Another client may replace the list at the same moment; the entry is looked for
 * afterwards, and added again. Distribution spec, "Pushing Manifests with Subject".
 * @throws REGISTRY_ERROR, REGISTRY_UNREACHABLE, AUTHENTICATION_…
 */
async function addReferrer(
  session: Session,
  subject: Digest,
  referrer: Descriptor,
  signal?: AbortSignal,
): Promise<void> {
  const tag = `${algorithmOf(subject)}-${hexOf(subject)}`;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = await entriesAt(session, tag, signal);
    if (before.some(({ digest }) => digest === referrer.digest)) return;
    const bytes = Buffer.from(indexDocument(MEDIA_TYPE.ociIndex, [...before, referrer]));
    await putDocument(session, documentOf(MEDIA_TYPE.ociIndex, bytes), tag, signal);
  }
  const entries = await entriesAt(session, tag, signal);
  if (entries.some(({ digest }) => digest === referrer.digest)) return;
  throw new TsimgError('REGISTRY_ERROR', 'cannot list a referrer', {
    where: `${session.repository}:${tag}`,
    why: 'other clients replace the list again and again',
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

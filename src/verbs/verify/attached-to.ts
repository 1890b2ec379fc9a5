import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { readDocument } from '../../image/read-document.ts';
import type { Source } from '../../image/source.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { type Manifest, parseManifest } from '../../oci/manifest.ts';
import { documentKindOf } from '../../oci/media-type.ts';
import { collect } from '../../streams/collect.ts';
import { readSignatureFile } from '../../verify/signature-file.ts';
import type { AttachedBytes } from '../../verify/verify-attached.ts';
import { ATTACHED_TYPE, attachedTag, typeOf } from './attached-form.ts';

/** The most manifests and signatures that are read for one image. CVE-2024-29902, CVE-2024-29903 */
const MAX_CANDIDATES = 1000;
const TOO_MANY = `more than ${MAX_CANDIDATES} are attached to the image; the others were not read`;
/** The most bytes of one signature, bundle or attestation. */
const MAX_BLOB_BYTES = 16 * 1024 * 1024;

/** The place of an attached manifest, needed to keep the manifest beside the image. */
export interface AttachedPlace {
  readonly subject: Digest;
  readonly descriptor: Descriptor;
  /** The tag of the manifest; undefined for a referrer. */
  readonly tag: string | undefined;
}

/** Something attached to an image: a signature to verify, or something that cannot be read as one. */
export type Found =
  | { readonly kind: 'signature'; readonly attached: AttachedBytes; readonly place: AttachedPlace | undefined }
  | {
      readonly kind: 'unreadable';
      readonly binding: 'format' | 'limit';
      readonly why: string;
      readonly error: TsimgError | undefined;
    };

function unreadable(binding: 'format' | 'limit', why: string, error?: TsimgError): Found {
  return { kind: 'unreadable', binding, why, error };
}

/** The kind of things to find. */
export interface Look extends Pick<Context, 'signal'> {
  /** Whether to find attestations instead of signatures. */
  readonly attestations: boolean;
}

/** Returns whether an error is the fault of one candidate: a wrong document is, a failing registry is not. */
function isBadCandidate(error: unknown): error is TsimgError {
  if (!(error instanceof TsimgError)) return false;
  const codes = ['DOCUMENT_INVALID', 'LIMIT_EXCEEDED', 'BLOB_NOT_FOUND', 'DIGEST_MISMATCH', 'SIZE_MISMATCH'];
  return codes.includes(error.code);
}

async function readBlob(source: Source, descriptor: Descriptor, signal?: AbortSignal): Promise<Buffer> {
  if (descriptor.size > MAX_BLOB_BYTES) {
    throw new TsimgError('LIMIT_EXCEEDED', 'a signature is too large', {
      where: `${source.label} ${descriptor.digest}`,
    });
  }
  return collect(await source.open(descriptor, signal), MAX_BLOB_BYTES, 'a signature');
}

async function readManifest(
  source: Source,
  descriptor: Descriptor,
  signal?: AbortSignal,
): Promise<Manifest | undefined> {
  if (documentKindOf(descriptor.mediaType) !== 'manifest') return undefined;
  const where = `${source.label} ${descriptor.digest}`;
  return parseManifest(await readDocument(source, descriptor, signal), descriptor.mediaType, where);
}

type LayerReading = (bytes: Buffer, layer: Descriptor) => AttachedBytes;

/** The manifest that has a layer, and whether a tag leads to it. */
interface Holder {
  readonly manifest: Manifest;
  readonly isTag: boolean;
}

/** Returns the function that reads a layer as a signature; undefined for a layer that is not one. */
function readingOf(layer: Descriptor, { manifest, isTag }: Holder, look: Look): LayerReading | undefined {
  const { mediaType, annotations = {} } = layer;
  if (mediaType === ATTACHED_TYPE.bundle && !isTag) return (bytes) => ({ kind: 'bundle', bytes });
  if (mediaType === ATTACHED_TYPE.payload && !look.attestations) {
    const form = isTag ? 'cosign-tag' : 'cosign-referrer';
    if (!isTag && typeOf(manifest) !== ATTACHED_TYPE.cosignReferrer) return undefined;
    return (bytes) => ({ kind: 'payload', form, bytes, annotations });
  }
  if (mediaType === ATTACHED_TYPE.envelope && look.attestations) {
    return (bytes) => ({ kind: 'attestation', form: 'attestation-tag', bytes, annotations });
  }
  return undefined;
}

async function* signaturesIn(
  source: Source,
  { descriptor, tag }: { readonly descriptor: Descriptor; readonly tag: string | undefined },
  { subject, ...look }: Look & { readonly subject: Digest },
): AsyncGenerator<Found> {
  const { signal } = look;
  const isTag = tag !== undefined;
  const place = { subject, descriptor, tag };
  try {
    const manifest = await readManifest(source, descriptor, signal);
    if (manifest === undefined) return;
    // The manifest's own subject counts, not the list of referrers
    if (!isTag && manifest.subject?.digest !== subject) return;
    if (typeOf(manifest) === ATTACHED_TYPE.notation) {
      yield unreadable('format', 'notation’s signatures are not read');
      return;
    }
    for (const layer of manifest.layers) {
      const read = readingOf(layer, { manifest, isTag }, look);
      if (read === undefined) continue;
      yield { kind: 'signature', attached: read(await readBlob(source, layer, signal), layer), place };
    }
  } catch (error) {
    if (!isBadCandidate(error)) throw error;
    yield unreadable('format', error.message, error);
  }
}

async function* manifestsOf(source: Source, subject: Digest, { attestations, signal }: Look) {
  for (const descriptor of (await source.referrers?.(subject, signal)) ?? []) yield { descriptor, tag: undefined };
  const tag = attachedTag(subject, attestations ? 'att' : 'sig');
  const descriptor = await source.attached?.(tag, signal);
  if (descriptor !== undefined) yield { descriptor, tag };
}

/**
 * Finds the signatures (or attestations) of an image, in all forms: referrers, then cosign's tags, then files beside
 * the image. It finds at most 1,000, each of at most 16 MiB.
 * @throws the errors of the source: a registry that does not answer is not one without signatures
 */
export async function* attachedTo(source: Source, subjects: readonly Digest[], look: Look): AsyncGenerator<Found> {
  let [count, manifests] = [0, 0];
  for (const subject of subjects) {
    for await (const manifest of manifestsOf(source, subject, look)) {
      // A manifest without a signature costs a request, too
      if (++manifests > MAX_CANDIDATES) return yield unreadable('limit', TOO_MANY);
      for await (const found of signaturesIn(source, manifest, { subject, ...look })) {
        if (++count > MAX_CANDIDATES) return yield unreadable('limit', TOO_MANY);
        yield found;
      }
    }
  }
  if (look.attestations) return;
  for (const bytes of ((await source.signatureFiles?.(look.signal)) ?? []).slice(0, MAX_CANDIDATES))
    yield* inFile(bytes);
}

function* inFile(bytes: Buffer): Generator<Found> {
  try {
    const attached = readSignatureFile(bytes);
    if (attached !== undefined) yield { kind: 'signature', attached, place: undefined };
  } catch (error) {
    if (!(error instanceof TsimgError)) throw error;
    yield unreadable('format', error.message, error);
  }
}

import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { loadImage } from '../../image/load.ts';
import type { Source } from '../../image/source.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { parseJson } from '../../oci/document.ts';
import { collect } from '../../streams/collect.ts';
import { type ImageOptions, openAnywhere } from '../image/open-image.ts';
import { atRegistry } from '../image/stored-names.ts';
import { storePlace } from '../places.ts';
import { ATTACHED_TYPE } from '../verify/attached-form.ts';
import { type AttachedArtifact, isSbom, listAttached } from '../verify/list-attached.ts';
import type { VerificationChoice } from '../verify/verification.ts';

/** The most bytes of an SBOM. */
const MAX_SBOM_BYTES = 64 * 1024 * 1024;

/** Opens an image, and lists what is attached to its digest, and with a platform also to the chosen image's digest. */
async function withAttached<T>(
  text: string,
  options: ImageOptions,
  context: Context,
  use: (source: Source, attached: readonly AttachedArtifact[], label: string) => Promise<T>,
): Promise<T> {
  const { source, name } = await openAnywhere(text, options, context);
  try {
    const resolved = await source.resolve(name, context.signal);
    if (resolved === undefined) {
      throw new TsimgError('IMAGE_NOT_FOUND', `no image ${name ?? ''}`, {
        where: source.label,
        hint: source.missingHint,
      });
    }
    const subjects: Descriptor[] = [resolved];
    if (options.platform !== undefined && source.label !== storePlace(options)) {
      const { descriptor } = await loadImage(source, { name, platform: options.platform }, context);
      if (descriptor.digest !== resolved.digest) subjects.push(descriptor);
    }
    const found: AttachedArtifact[] = [];
    for (const subject of subjects) found.push(...(await listAttached(source, subject, context)));
    return await use(source, found, `${name ?? text}`);
  } finally {
    await source.close();
  }
}

/**
 * Lists what is attached to an image: signatures, attestations, SBOMs. Nothing of it is verified. For an image of the
 * store, these are the ones that came with it, and a warning says so.
 * @throws IMAGE_NOT_FOUND, DOCUMENT_INVALID, LIMIT_EXCEEDED, REGISTRY_…
 */
export function listReferrersOf(
  text: string,
  options: ImageOptions,
  context: Context = {},
): Promise<readonly AttachedArtifact[]> {
  return withAttached(text, options, context, async (source, found, label) => {
    if (source.label === storePlace(options)) {
      const message = `this is the list of the store; what was attached since is told by ${await atRegistry({ source, name: label }, text)}`;
      context.onEvent?.({ kind: 'warning', message });
    }
    return found;
  });
}

/** Returns the predicate in an in-toto statement, a DSSE envelope or a bundle; any other document as it is. */
function predicateOf(bytes: Buffer, mediaType: string): Buffer {
  if (mediaType === ATTACHED_TYPE.bundle) return predicateOf(payloadIn(bytes, 'dsseEnvelope'), STATEMENT);
  if (mediaType === ATTACHED_TYPE.envelope) return predicateOf(payloadIn(bytes), STATEMENT);
  if (mediaType !== STATEMENT) return bytes;
  const predicate = field(parseJson(bytes, 'the statement', 'SBOM'), 'predicate');
  return Buffer.from(JSON.stringify(predicate));
}

const STATEMENT = 'application/vnd.in-toto+json';

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function payloadIn(bytes: Buffer, envelope?: string): Buffer {
  const json = parseJson(bytes, 'the envelope', 'SBOM');
  const payload = field(envelope === undefined ? json : field(json, envelope), 'payload');
  if (typeof payload !== 'string')
    throw new TsimgError('DOCUMENT_INVALID', 'the envelope has no payload', { where: 'SBOM' });
  return Buffer.from(payload, 'base64');
}

/** An SBOM, and whether its signature was verified. */
export interface Sbom {
  readonly type: string;
  /** The SBOM's own JSON or text, without statement and envelope. */
  readonly document: Buffer;
  readonly isVerified: boolean;
}

const SBOM_ATTESTATIONS = ['https://spdx.dev/Document', 'https://cyclonedx.org/bom'];

/** Reads the SBOM in a verified attestation. @throws SIGNATURE_MISSING, SIGNATURE_INVALID */
async function verifiedSbom(text: string, options: SbomOptions, context: Context): Promise<Sbom> {
  const { verifySource } = await import('./verify.ts');
  let missing: unknown;
  for (const attestation of SBOM_ATTESTATIONS) {
    try {
      const [good] = await verifySource(
        text,
        { ...options, signatures: { ...options.signatures, attestation } },
        context,
      );
      if (good?.statement === undefined) continue;
      return { type: attestation, document: predicateOf(good.statement, STATEMENT), isVerified: true };
    } catch (error) {
      if (!(error instanceof TsimgError) || error.code !== 'SIGNATURE_MISSING') throw error;
      missing = error;
    }
  }
  throw missing;
}

/** How an SBOM is read. */
export interface SbomOptions extends ImageOptions {
  /** The wanted signer; without one, the SBOM is not verified. */
  readonly signatures?: VerificationChoice | undefined;
}

/**
 * Reads the SBOM of an image: with `signatures`, that of a verified attestation; otherwise the first attached one, of
 * any form.
 * @throws SIGNATURE_MISSING without an SBOM; SIGNATURE_INVALID, DOCUMENT_INVALID, LIMIT_EXCEEDED, REGISTRY_…
 */
export async function readSbom(text: string, options: SbomOptions, context: Context = {}): Promise<Sbom> {
  if (options.signatures !== undefined) return verifiedSbom(text, options, context);
  return withAttached(text, options, context, async (source, found, label) => {
    const sbom = found.find(isSbom);
    const [layer] = sbom?.layers ?? [];
    if (sbom === undefined || layer === undefined) {
      throw new TsimgError('SIGNATURE_MISSING', 'the image has no SBOM', {
        where: label,
        hint: 'tsimg referrers lists what is attached to it; --platform chooses an image of an index',
      });
    }
    if (layer.size > MAX_SBOM_BYTES) {
      throw new TsimgError('LIMIT_EXCEEDED', 'the SBOM is too large', { where: label, why: `${layer.size} bytes` });
    }
    const bytes = await collect(await source.open(layer, context.signal), MAX_SBOM_BYTES, label);
    return { type: sbom.type, document: predicateOf(bytes, layer.mediaType), isVerified: false };
  });
}

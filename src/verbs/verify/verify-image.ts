import type { TsimgError as ErrorType } from '../../errors.ts';
import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import type { Source } from '../../image/source.ts';
import type { Digest } from '../../oci/digest.ts';
import { asRefusal, type Binding, bindingOf, refused } from '../../verify/refuse.ts';
import { type GoodSignature, verifyAttached, type WantedContent } from '../../verify/verify-attached.ts';
import { type AttachedPlace, attachedTo, type Found } from './attached-to.ts';
import type { Verification } from './verification.ts';

/** An image whose signatures are verified. */
export interface SignedImage {
  readonly source: Source;
  /** The requested reference with its digest, for errors. */
  readonly label: string;
  /** The digests of the image and of the index that it was chosen from: a signature of either counts. */
  readonly digests: readonly Digest[];
}

/** A signature that holds, and its place. */
export interface GoodAttached extends GoodSignature {
  readonly place: AttachedPlace | undefined;
}

/** The bindings whose refusals begin with words of their own; others concern the signature itself. */
const NOT_FOR_IMAGE: ReadonlySet<Binding> = new Set(['payload-digest', 'subject', 'docker-reference', 'annotation']);
const NOT_BY_SIGNER: ReadonlySet<Binding> = new Set(['key', 'identity', 'issuer', 'certificate', 'signature']);

function headline(binding: Binding | undefined): string {
  if (binding !== undefined && NOT_FOR_IMAGE.has(binding)) return 'the signature is not for this image';
  if (binding !== undefined && NOT_BY_SIGNER.has(binding)) return 'the signature is not by the wanted signer';
  return 'the signature does not hold';
}

/** Makes the refusal of an image from that of the candidate that got furthest. `--debug` shows all of them. */
function refusal(label: string, failures: readonly ErrorType[]): TsimgError {
  const furthest = failures.toSorted((a, b) => progress(b) - progress(a))[0];
  const binding = bindingOf(furthest);
  const more = failures.length > 1 ? ` (and ${failures.length - 1} more that do not hold)` : '';
  return new TsimgError('SIGNATURE_INVALID', headline(binding), {
    where: label,
    why: `${furthest?.why ?? furthest?.message}${more}`,
    hint: furthest?.hint,
    facts: { binding: binding ?? null, candidates: failures.map(({ why, message }) => why ?? message) },
    cause: new AggregateError(failures, 'every signature that was found'),
  });
}

/** Ranks a refusal: the later the failed check, the higher. */
function progress(failure: ErrorType): number {
  const binding = bindingOf(failure);
  if (binding === undefined || binding === 'format' || binding === 'limit') return 0;
  if (NOT_FOR_IMAGE.has(binding)) return 3;
  return NOT_BY_SIGNER.has(binding) ? 1 : 2;
}

function missing(label: string, { attestation }: WantedContent, unread: readonly string[]): TsimgError {
  const what =
    attestation === undefined
      ? 'the image has no signature'
      : `the image has no attestation of the type ${attestation}`;
  return new TsimgError('SIGNATURE_MISSING', what, {
    where: label,
    why: unread[0],
    hint: 'tsimg referrers lists what is attached to it',
  });
}

/** Verifies one candidate. Returns the good signature, or the refusal. */
function judge(found: Found, wanted: WantedContent, verification: Verification): GoodAttached | ErrorType {
  if (found.kind === 'unreadable') {
    return found.error === undefined ? refused(found.binding, found.why) : asRefusal(found.error);
  }
  try {
    return { ...verifyAttached(found.attached, wanted, verification), place: found.place };
  } catch (error) {
    if (error instanceof TsimgError) return error;
    throw error;
  }
}

/**
 * Returns the good signatures of an image: the first one, or all if all are wanted. One good signature among bad ones
 * is enough.
 * @throws SIGNATURE_MISSING, SIGNATURE_INVALID, and the errors of the source
 */
export async function verifyImage(
  { source, label, digests }: SignedImage,
  verification: Verification,
  context: Context,
): Promise<readonly GoodAttached[]> {
  const { attestation, annotations, all } = verification;
  const wanted: WantedContent = { digests, attestation, annotations };
  const good: GoodAttached[] = [];
  const failures: ErrorType[] = [];
  const unread: string[] = [];
  const look = { attestations: attestation !== undefined, signal: context.signal };
  for await (const found of attachedTo(source, digests, look)) {
    const verdict = judge(found, wanted, verification);
    if (!(verdict instanceof TsimgError)) good.push(verdict);
    // An attestation of another type is not a bad attestation of the wanted type
    else if (bindingOf(verdict) !== 'predicate-type') failures.push(verdict);
    else unread.push(verdict.why ?? verdict.message);
    if (good.length > 0 && !all) break;
  }
  if (good.length > 0) {
    for (const { message } of failures) context.onEvent?.({ kind: 'detail', message });
    return good;
  }
  throw failures.length > 0 ? refusal(label, failures) : missing(label, wanted, unread);
}

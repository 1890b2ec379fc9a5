import type { Digest } from '../oci/digest.ts';
import type { Annotations } from './candidate.ts';
import { type Candidate, type Form, readAttestation, readBundle, readPayloadSignature } from './candidate.ts';
import { checkPayload, type WantedAnnotations } from './payload.ts';
import { SIGNATURE_PREDICATE } from './predicate-types.ts';
import { asRefusal, refused } from './refuse.ts';
import { checkStatement } from './statement.ts';
import type { TrustRoot } from './trust-root.ts';
import { type Requirement, type Verified, verifyCandidate } from './verify-candidate.ts';

/** The bytes of a signature or an attestation, as they are attached to an image. */
export type AttachedBytes =
  | { readonly kind: 'payload'; readonly form: Form; readonly bytes: Buffer; readonly annotations: Annotations }
  | { readonly kind: 'attestation'; readonly form: Form; readonly bytes: Buffer; readonly annotations: Annotations }
  | { readonly kind: 'bundle'; readonly bytes: Buffer };

/** The images, annotations and type of attestation that must have been signed. */
export interface WantedContent {
  /** The digests of the image and of the index that it was chosen from: a signature of either counts. */
  readonly digests: readonly Digest[];
  /** The URI of the wanted predicate type; undefined where a signature is wanted. */
  readonly attestation?: string | undefined;
  readonly annotations?: WantedAnnotations | undefined;
}

/** A signature that holds and is for a wanted image. */
export interface GoodSignature extends Verified {
  readonly form: Form;
  /** The wanted digest that was signed. */
  readonly digest: Digest;
  /** The statement of an attestation: JSON, as it was signed. */
  readonly statement: Buffer | undefined;
  /** The signed name of the image; undefined where no name was signed. */
  readonly dockerReference: string | undefined;
}

function candidateOf(attached: AttachedBytes): Candidate {
  switch (attached.kind) {
    case 'payload':
      return readPayloadSignature(attached.form, attached.bytes, attached.annotations);
    case 'attestation':
      return readAttestation(attached.form, attached.bytes, attached.annotations);
    case 'bundle':
      return readBundle(attached.bytes, { isAttached: true });
  }
}

/** Checks the content of a signature that holds. @throws SIGNATURE_INVALID */
function checkContent({ signed }: Candidate, wanted: WantedContent) {
  const { digests, annotations, attestation } = wanted;
  if (signed.kind === 'envelope') {
    const predicateType = attestation ?? SIGNATURE_PREDICATE;
    const digest = checkStatement(signed.envelope, { digests, predicateType, annotations });
    const statement = attestation === undefined ? undefined : signed.envelope.payload;
    return { digest, statement, dockerReference: undefined };
  }
  if (attestation !== undefined) throw refused('payload-type', 'it is a signature, not an attestation');
  return { ...checkPayload(signed.payload, digests, annotations), statement: undefined };
}

/**
 * Verifies one signature or attestation: the signer, and then the image. Everything in it may be hostile.
 * @throws SIGNATURE_INVALID; its fact `binding` names the broken binding
 */
export function verifyAttached(
  attached: AttachedBytes,
  wanted: WantedContent,
  { requirement, trust }: { readonly requirement: Requirement; readonly trust: TrustRoot },
): GoodSignature {
  try {
    const candidate = candidateOf(attached);
    const verified = verifyCandidate(candidate, requirement, trust);
    return { ...verified, ...checkContent(candidate, wanted), form: candidate.form };
  } catch (error) {
    throw asRefusal(error);
  }
}

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadPrehashed, type PublicKey, parsePublicKey } from '../../crypto/public-key.ts';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { filesystemError } from '../../sys/file/filesystem-error.ts';
import type { Matcher } from '../../verify/matcher.ts';
import type { WantedAnnotations } from '../../verify/payload.ts';
import { parseTrustRoot, type TrustRoot } from '../../verify/trust-root.ts';
import type { Requirement } from '../../verify/verify-candidate.ts';
import type { StorePlace } from '../places.ts';
import { findUpdatedRoot } from './trust-place.ts';

/** The trusted root of Sigstore's public instance, as of when tsimg was built. */
const PUBLIC_GOOD = fileURLToPath(new URL('../../scripts/public-good.trusted-root.json', import.meta.url));

/** The demands of a user on signatures. Either keys, or identity and issuer. */
export interface VerificationChoice {
  /** Files of PEM public keys; any of them is good. */
  readonly keys?: readonly string[] | undefined;
  readonly identity?: Matcher | undefined;
  readonly issuer?: Matcher | undefined;
  /** A trusted_root.json. Default: the one that `trust update` fetched into the store, else the public one. */
  readonly trustedRoot?: string | undefined;
  readonly ignoresLog?: boolean | undefined;
  readonly ignoresSct?: boolean | undefined;
  readonly annotations?: WantedAnnotations | undefined;
  /** The URI of an attestation's type, which is verified instead of a signature. */
  readonly attestation?: string | undefined;
  /** All good signatures instead of the first one. */
  readonly all?: boolean | undefined;
}

/** A choice with its files read. */
export interface Verification {
  readonly requirement: Requirement;
  readonly trust: TrustRoot;
  readonly annotations: WantedAnnotations | undefined;
  readonly attestation: string | undefined;
  readonly all: boolean;
}

function readKey(path: string): PublicKey {
  return parsePublicKey(readFile(path, 'cannot read the key').toString('latin1'), path);
}

function readFile(path: string, what: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw errnoOf(error) === 'ENOENT'
      ? new TsimgError('SOURCE_NOT_FOUND', `${what}: no such file`, { where: path, cause: error })
      : filesystemError(what, path, error);
  }
}

/**
 * Returns the demanded signer. A choice without a signer is refused: an image that was asked for with an annotation or
 * a trusted root alone must not come in unverified. @throws USAGE, KEY_INVALID, SOURCE_NOT_FOUND, FILESYSTEM
 */
function requirementOf(choice: VerificationChoice): Requirement {
  const { keys = [], identity, issuer, ignoresLog = false, ignoresSct = false } = choice;
  const isKeyless = identity !== undefined || issuer !== undefined;
  if (keys.length > 0 && isKeyless)
    throw new TsimgError('USAGE', '--key and a certificate’s identity exclude each other');
  if (ignoresLog && keys.length === 0) {
    throw new TsimgError('USAGE', '--insecure-ignore-tlog goes with --key only', {
      why: 'a certificate is short-lived: the log tells when it was used',
    });
  }
  if (keys.length > 0) return { kind: 'key', keys: keys.map(readKey), ignoresLog };
  if (!isKeyless) {
    throw new TsimgError('USAGE', 'no signer is named', {
      hint: 'give --key FILE, or --certificate-identity and --certificate-oidc-issuer',
    });
  }
  if (identity === undefined || issuer === undefined) {
    throw new TsimgError('USAGE', 'a certificate’s identity and its issuer go together', {
      hint: 'give both --certificate-identity and --certificate-oidc-issuer, or their -regexp forms',
    });
  }
  return { kind: 'identity', identity, issuer, ignoresSct };
}

/** Loads what some keys need besides. */
export async function loadForKeys(keys: readonly PublicKey[]): Promise<void> {
  if (keys.some(({ object }) => object.asymmetricKeyType === 'ed25519')) await loadPrehashed();
}

/**
 * Reads the files that a choice names. Nothing is asked of a network, so that a mistake in them is told first.
 * @param place the store whose trusted root is taken where the choice names none
 * @throws USAGE, KEY_INVALID, TRUST_ROOT_INVALID, SOURCE_NOT_FOUND, FILESYSTEM
 */
export async function openVerification(
  choice: VerificationChoice,
  place: StorePlace,
  { onEvent }: Context = {},
): Promise<Verification> {
  const requirement = requirementOf(choice);
  if (requirement.kind === 'key') await loadForKeys(requirement.keys);
  const path = choice.trustedRoot ?? findUpdatedRoot(place) ?? PUBLIC_GOOD;
  const trust = parseTrustRoot(readFile(path, 'cannot read the trusted root'), path);
  const log = trust.newestLog;
  const newest =
    log === undefined ? 'it knows no log' : `its newest log is ${log.url} (since ${log.start.toISOString()})`;
  onEvent?.({ kind: 'detail', message: `trusted root ${path}: ${newest}` });
  const { annotations, attestation, all = false } = choice;
  return { requirement, trust, annotations, attestation, all };
}

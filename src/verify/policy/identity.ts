import { formatReference, parseReference, type Reference } from '../../oci/reference.ts';
import type { SignedIdentity } from './document.ts';

/** A reference as it was signed: its tag is not made up where it has none. */
interface SignedName {
  readonly repository: string;
  /** `REPOSITORY:TAG` or `REPOSITORY@DIGEST`; undefined for a bare repository. */
  readonly exact: string | undefined;
}

function signedName(text: string): SignedName | undefined {
  try {
    const reference = parseReference(text);
    const repository = `${reference.registry}/${reference.repository}`;
    const isBare = reference.digest === undefined && !/:[^/]+$/.test(text);
    return { repository, exact: isBare ? undefined : formatReference(reference) };
  } catch {
    return undefined;
  }
}

function askedName({ registry, repository, tag, digest }: Reference): SignedName & { readonly isByDigest: boolean } {
  const whole = `${registry}/${repository}`;
  const exact = digest === undefined ? `${whole}:${tag ?? 'latest'}` : `${whole}@${digest}`;
  return { repository: whole, exact, isByDigest: digest !== undefined };
}

/** The reference that was asked for, as the signer would have called it. */
function remapped(asked: Reference, prefix: string, signedPrefix: string): Reference | undefined {
  const whole = `${asked.registry}/${asked.repository}`;
  if (whole !== prefix && !whole.startsWith(`${prefix}/`)) return asked;
  try {
    const text = `${signedPrefix}${whole.slice(prefix.length)}`;
    const { registry, repository } = parseReference(text);
    // A name that needs completing was not what the policy says that was signed
    return `${registry}/${repository}` === text ? { ...asked, registry, repository } : undefined;
  } catch {
    return undefined;
  }
}

/** The default: by tag the very reference, by digest the repository. */
function matchesRepoDigestOrExact(asked: Reference, signed: SignedName): boolean {
  const { repository, exact, isByDigest } = askedName(asked);
  if (signed.exact === undefined) return false;
  return isByDigest ? signed.repository === repository : signed.exact === exact;
}

/**
 * Returns whether the name that was signed fits the reference that was asked for. containers-policy.json(5),
 * "signedIdentity".
 * @param asked undefined for an image of an archive or a directory, which fits exact names alone
 */
export function fitsIdentity(
  identity: SignedIdentity | undefined,
  asked: Reference | undefined,
  text: string,
): boolean {
  const signed = signedName(text);
  if (signed === undefined) return false;
  switch (identity?.type) {
    case 'exactReference':
      return signed.exact !== undefined && signed.exact === signedName(identity.dockerReference)?.exact;
    case 'exactRepository':
      return signed.repository === signedName(identity.dockerRepository)?.repository;
    case 'matchExact':
      return asked !== undefined && signed.exact === askedName(asked).exact;
    case 'matchRepository':
      return asked !== undefined && signed.repository === askedName(asked).repository;
    case 'remapIdentity': {
      const renamed = asked && remapped(asked, identity.prefix, identity.signedPrefix);
      return renamed !== undefined && matchesRepoDigestOrExact(renamed, signed);
    }
    default:
      return asked !== undefined && matchesRepoDigestOrExact(asked, signed);
  }
}

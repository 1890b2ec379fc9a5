import { formatReference, parseReference, type Reference } from '../../oci/reference.ts';
import type { SignedIdentity } from './document.ts';

/** A reference as it was signed: where it has no tag, none is added. */
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

/** Returns the requested reference under the name that the signer has used. */
function remapped(asked: Reference, prefix: string, signedPrefix: string): Reference | undefined {
  const whole = `${asked.registry}/${asked.repository}`;
  if (whole !== prefix && !whole.startsWith(`${prefix}/`)) return asked;
  try {
    const text = `${signedPrefix}${whole.slice(prefix.length)}`;
    const { registry, repository } = parseReference(text);
    // A short name, which parsing completes, is not the name in the policy
    return `${registry}/${repository}` === text ? { ...asked, registry, repository } : undefined;
  } catch {
    return undefined;
  }
}

/** The default: a reference by tag must be the same, one by digest must have the same repository. */
function matchesRepoDigestOrExact(asked: Reference, signed: SignedName): boolean {
  const { repository, exact, isByDigest } = askedName(asked);
  if (signed.exact === undefined) return false;
  return isByDigest ? signed.repository === repository : signed.exact === exact;
}

/**
 * Returns whether the signed name matches the requested reference. containers-policy.json(5), "signedIdentity".
 * @param asked the requested reference; undefined for an image of an archive or a directory, which only exactReference
 *   and exactRepository can match
 * @param text the signed name
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

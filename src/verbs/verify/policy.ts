import { existsSync, readFileSync } from 'node:fs';
import { errnoOf, TsimgError } from '../../errors.ts';
import { filesystemError } from '../../sys/file/filesystem-error.ts';
import { type Policy, type PolicyRequirement, parsePolicy } from '../../verify/policy/document.ts';
import { requirementsFor } from '../../verify/policy/scope.ts';
import { type PolicyImage, type PolicyOptions, policyPlaces } from './has-policy.ts';

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw filesystemError('cannot read the signature policy', path, error);
  }
}

/**
 * The policy that is to be obeyed: the one that is named, else the user's, else the system's; undefined where there is
 * none. @throws POLICY_INVALID, SOURCE_NOT_FOUND, FILESYSTEM
 */
export function openPolicy(options: PolicyOptions): Policy | undefined {
  const { signaturePolicy } = options;
  if (signaturePolicy !== undefined) {
    const text = read(signaturePolicy);
    if (text !== undefined) return parsePolicy(text, signaturePolicy);
    throw new TsimgError('SOURCE_NOT_FOUND', 'no such signature policy', { where: signaturePolicy });
  }
  // A home that this user cannot look into has no policy for this user, as with podman; a file that is there must be
  // read
  for (const path of policyPlaces(options).filter((each) => existsSync(each))) {
    const text = read(path);
    if (text !== undefined) return parsePolicy(text, path);
  }
  return undefined;
}

async function check(image: PolicyImage, each: PolicyRequirement, options: PolicyOptions): Promise<void> {
  switch (each.type) {
    case 'insecureAcceptAnything':
      return;
    case 'reject':
      throw new TsimgError('IMAGE_REJECTED', 'the policy rejects it', { where: image.label });
    case 'sigstoreSigned':
      return (await import('./check-signed.ts')).checkSigstore(image, each, options);
    case 'signedBy':
      return (await import('./check-signed.ts')).checkGpg(image, each, options);
  }
}

/** What the image lacks, without the image, which the refusal names; or what cannot be read, with its place. */
function reasonOf(error: TsimgError): string {
  if (error.code === 'SIGNATURE_INVALID') return error.why ?? error.what;
  return error.code === 'SIGNATURE_MISSING' || error.code === 'IMAGE_REJECTED' ? error.what : error.message;
}

/** Errors that say nothing of the image: they are told as they are. */
const NOT_OF_IMAGE = /^(?:REGISTRY_|AUTHENTICATION_|CREDENTIALS_|POLICY_INVALID|INTERRUPTED)/;

/**
 * Demands what a policy demands of an image that comes in: all requirements of the most specific scope must hold.
 * containers-policy.json(5)
 * @throws IMAGE_REJECTED with the scope and the reason, POLICY_INVALID, REGISTRY_…
 */
export async function obeyPolicy(policy: Policy, image: PolicyImage, options: PolicyOptions): Promise<void> {
  const { scope, requirements } = requirementsFor(policy, image.subject);
  for (const each of requirements) {
    try {
      await check(image, each, options);
    } catch (error) {
      if (!(error instanceof TsimgError) || NOT_OF_IMAGE.test(error.code)) throw error;
      throw new TsimgError('IMAGE_REJECTED', 'the signature policy does not accept the image', {
        where: image.label,
        why: `${policy.where}, ${scope}: ${reasonOf(error)}`,
        hint: error.hint,
        cause: error,
      });
    }
  }
}

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
 * Reads the policy: the named file, else the user's, else the system's; undefined without any.
 * @throws POLICY_INVALID, SOURCE_NOT_FOUND, FILESYSTEM
 */
export function openPolicy(options: PolicyOptions): Policy | undefined {
  const { signaturePolicy } = options;
  if (signaturePolicy !== undefined) {
    const text = read(signaturePolicy);
    if (text !== undefined) return parsePolicy(text, signaturePolicy);
    throw new TsimgError('SOURCE_NOT_FOUND', 'no such signature policy', { where: signaturePolicy });
  }
  // A home that the user may not search counts as one without a policy, as with podman. A file that exists must be
  // readable.
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

/** Returns the reason for a refusal, without the image's name, which the refusal has already. */
function reasonOf(error: TsimgError): string {
  if (error.code === 'SIGNATURE_INVALID') return error.why ?? error.what;
  return error.code === 'SIGNATURE_MISSING' || error.code === 'IMAGE_REJECTED' ? error.what : error.message;
}

/** Codes of errors that do not concern the image: they are thrown as they are. */
const NOT_OF_IMAGE = /^(?:REGISTRY_|AUTHENTICATION_|CREDENTIALS_|POLICY_INVALID|INTERRUPTED)/;

/**
 * Checks an image against a policy: all requirements of the most specific scope must hold.
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

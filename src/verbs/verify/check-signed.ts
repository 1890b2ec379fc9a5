import { readFileSync } from 'node:fs';
import { type PublicKey, parsePublicKey } from '../../crypto/public-key.ts';
import { TsimgError } from '../../errors.ts';
import type { Reference } from '../../oci/reference.ts';
import { filesystemError } from '../../sys/file/filesystem-error.ts';
import { readPayloadSignature } from '../../verify/candidate.ts';
import { COSIGN_TYPE } from '../../verify/payload.ts';
import type { SignedBy, SigstoreSigned } from '../../verify/policy/document.ts';
import { fitsIdentity } from '../../verify/policy/identity.ts';
import { type PolicyAuthority, type SigstoreRequirement, verifyByPolicy } from '../../verify/policy/requirement.ts';
import { readSimpleSigning } from '../../verify/policy/simple-signing.ts';
import { asRefusal, refused } from '../../verify/refuse.ts';
import { attachedTo } from './attached-to.ts';
import { verifyGpg } from './gpg.ts';
import { gpgSignatures } from './gpg-signatures.ts';
import type { PolicyImage, PolicyOptions } from './has-policy.ts';
import { loadForKeys } from './verification.ts';

/** Reads a file that a requirement names. A missing file is an error: without it nothing can be verified. */
function required(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw filesystemError('cannot read a file that the signature policy names', path, error);
  }
}

/** Returns the contents of the files at some paths, and those given as base64. */
function contents(
  paths: readonly (string | undefined)[],
  data: readonly (string | undefined)[],
): readonly { readonly bytes: Buffer; readonly where: string }[] {
  return [
    ...paths.flatMap((path) => (path === undefined ? [] : [{ bytes: required(path), where: path }])),
    ...data.flatMap((each) =>
      each === undefined ? [] : [{ bytes: Buffer.from(each, 'base64'), where: 'the policy' }],
    ),
  ];
}

function keysOf(found: ReturnType<typeof contents>): readonly PublicKey[] | undefined {
  return found.length === 0
    ? undefined
    : found.map(({ bytes, where }) => parsePublicKey(bytes.toString('latin1'), where));
}

function authorityOf({ fulcio, pki }: SigstoreSigned): PolicyAuthority | undefined {
  const text = (path: string | undefined, data: string | undefined) =>
    contents([path], [data])
      .map(({ bytes }) => bytes.toString('latin1'))
      .join('\n');
  if (fulcio !== undefined) {
    const { caPath, caData, oidcIssuer, subjectEmail } = fulcio;
    return { kind: 'fulcio', roots: text(caPath, caData), oidcIssuer, subjectEmail };
  }
  if (pki === undefined) return undefined;
  return {
    kind: 'pki',
    roots: text(pki.caRootsPath, pki.caRootsData),
    intermediates: text(pki.caIntermediatesPath, pki.caIntermediatesData),
    subjectEmail: pki.subjectEmail,
    subjectHostname: pki.subjectHostname,
  };
}

function sigstoreRequirement(each: SigstoreSigned): SigstoreRequirement {
  const { keyPath, keyPaths = [], keyData, keyDatas = [] } = each;
  const { rekorPublicKeyPath, rekorPublicKeyPaths = [], rekorPublicKeyData, rekorPublicKeyDatas = [] } = each;
  return {
    keys: keysOf(contents([keyPath, ...keyPaths], [keyData, ...keyDatas])),
    authority: authorityOf(each),
    rekorKeys: keysOf(
      contents([rekorPublicKeyPath, ...rekorPublicKeyPaths], [rekorPublicKeyData, ...rekorPublicKeyDatas]),
    ),
  };
}

function referenceOf({ subject }: PolicyImage): Reference | undefined {
  return subject.transport === 'docker' ? subject.reference : undefined;
}

function checkIdentity(image: PolicyImage, identity: SignedBy['signedIdentity'], signed: string): void {
  if (fitsIdentity(identity, referenceOf(image), signed)) return;
  throw refused('docker-reference', `signed as ${signed}`);
}

/** Checks that a cosign signature of the image meets the requirement. @throws SIGNATURE_INVALID, SIGNATURE_MISSING */
export async function checkSigstore(image: PolicyImage, each: SigstoreSigned, options: PolicyOptions): Promise<void> {
  const required = sigstoreRequirement(each);
  await loadForKeys(required.keys ?? []);
  let failure: TsimgError | undefined;
  const look = { attestations: false, signal: options.signal };
  for await (const found of attachedTo(image.source, image.digests, look)) {
    if (found.kind !== 'signature' || found.attached.kind !== 'payload') continue;
    const { form, bytes, annotations } = found.attached;
    try {
      verifyByPolicy(readPayloadSignature(form, bytes, annotations), required, new Date());
      checkIdentity(image, each.signedIdentity, readSimpleSigning(bytes, COSIGN_TYPE, image.digests));
      return;
    } catch (error) {
      failure = asRefusal(error);
    }
  }
  throw failure ?? new TsimgError('SIGNATURE_MISSING', 'the image has no signature', { where: image.label });
}

/**
 * Checks that a GPG signature of the image meets the requirement.
 * @throws SIGNATURE_INVALID, SIGNATURE_MISSING, HOST_UNSUPPORTED
 */
export async function checkGpg(image: PolicyImage, each: SignedBy, options: PolicyOptions): Promise<void> {
  if (each.keyType !== 'GPGKeys') {
    throw new TsimgError('IMAGE_REJECTED', `keys of the type ${each.keyType} are not supported`, {
      where: image.label,
    });
  }
  const keys = contents([each.keyPath, ...(each.keyPaths ?? [])], [each.keyData]).map(({ bytes }) => bytes);
  let failure: TsimgError | undefined;
  const { digests } = image;
  for (const signature of await gpgSignatures(image.source, { reference: referenceOf(image), digests }, options)) {
    try {
      checkIdentity(image, each.signedIdentity, await verifyGpg(signature, { keys, digests }, options.signal));
      return;
    } catch (error) {
      if (error instanceof TsimgError && error.code === 'HOST_UNSUPPORTED') throw error;
      options.signal?.throwIfAborted();
      failure = asRefusal(error);
    }
  }
  throw failure ?? new TsimgError('SIGNATURE_MISSING', 'the image has no signature', { where: image.label });
}

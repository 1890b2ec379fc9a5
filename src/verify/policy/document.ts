import { parseDocument } from 'yaml';
import { z } from 'zod';
import { TsimgError } from '../../errors.ts';
import { formatSchemaIssue } from '../../schema-issue.ts';

/** containers-policy.json(5). Nothing unknown is passed over: a policy that is half understood lets images through. */
const path = z.string().min(1);
const data = z.base64();

const signedIdentity = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('matchExact') }),
  z.strictObject({ type: z.literal('matchRepoDigestOrExact') }),
  z.strictObject({ type: z.literal('matchRepository') }),
  z.strictObject({ type: z.literal('exactReference'), dockerReference: z.string().min(1) }),
  z.strictObject({ type: z.literal('exactRepository'), dockerRepository: z.string().min(1) }),
  z.strictObject({ type: z.literal('remapIdentity'), prefix: z.string().min(1), signedPrefix: z.string().min(1) }),
]);

/** How the name that was signed must fit the one that was asked for. */
export type SignedIdentity = z.infer<typeof signedIdentity>;

const fulcio = z
  .strictObject({
    caPath: path.optional(),
    caData: data.optional(),
    oidcIssuer: z.string().min(1),
    subjectEmail: z.string().min(1),
  })
  .refine(({ caPath, caData }) => (caPath === undefined) !== (caData === undefined), 'one of caPath and caData');

const pki = z
  .strictObject({
    caRootsPath: path.optional(),
    caRootsData: data.optional(),
    caIntermediatesPath: path.optional(),
    caIntermediatesData: data.optional(),
    subjectEmail: z.string().min(1).optional(),
    subjectHostname: z.string().min(1).optional(),
  })
  .refine(
    (each) => (each.caRootsPath === undefined) !== (each.caRootsData === undefined),
    'one of caRootsPath and caRootsData',
  )
  .refine(
    (each) => !(each.caIntermediatesPath && each.caIntermediatesData),
    'one of caIntermediatesPath and caIntermediatesData',
  )
  .refine(
    (each) => each.subjectEmail !== undefined || each.subjectHostname !== undefined,
    'subjectEmail or subjectHostname',
  );

const count = (...values: readonly unknown[]): number => values.filter((value) => value !== undefined).length;

const sigstoreSigned = z
  .strictObject({
    type: z.literal('sigstoreSigned'),
    keyPath: path.optional(),
    keyPaths: z.array(path).min(1).optional(),
    keyData: data.optional(),
    keyDatas: z.array(data).min(1).optional(),
    fulcio: fulcio.optional(),
    pki: pki.optional(),
    rekorPublicKeyPath: path.optional(),
    rekorPublicKeyPaths: z.array(path).min(1).optional(),
    rekorPublicKeyData: data.optional(),
    rekorPublicKeyDatas: z.array(data).min(1).optional(),
    signedIdentity: signedIdentity.optional(),
  })
  .refine(
    (each) => count(each.keyPath, each.keyPaths, each.keyData, each.keyDatas, each.fulcio, each.pki) === 1,
    'exactly one of keyPath, keyPaths, keyData, keyDatas, fulcio and pki',
  )
  .refine((each) => rekorSources(each) <= 1, 'at most one source of Rekor’s keys')
  .refine((each) => each.fulcio === undefined || rekorSources(each) === 1, 'fulcio needs Rekor’s public keys')
  .refine((each) => each.pki === undefined || rekorSources(each) === 0, 'pki goes without Rekor’s public keys');

function rekorSources(each: {
  readonly rekorPublicKeyPath?: unknown;
  readonly rekorPublicKeyPaths?: unknown;
  readonly rekorPublicKeyData?: unknown;
  readonly rekorPublicKeyDatas?: unknown;
}): number {
  return count(each.rekorPublicKeyPath, each.rekorPublicKeyPaths, each.rekorPublicKeyData, each.rekorPublicKeyDatas);
}

const signedBy = z
  .strictObject({
    type: z.literal('signedBy'),
    keyType: z.enum(['GPGKeys', 'signedByGPGKeys', 'X509Certificates', 'signedByX509CAs']),
    keyPath: path.optional(),
    keyPaths: z.array(path).min(1).optional(),
    keyData: data.optional(),
    signedIdentity: signedIdentity.optional(),
  })
  .refine(
    (each) => count(each.keyPath, each.keyPaths, each.keyData) === 1,
    'exactly one of keyPath, keyPaths and keyData',
  );

const requirement = z.union([
  z.strictObject({ type: z.literal('insecureAcceptAnything') }),
  z.strictObject({ type: z.literal('reject') }),
  signedBy,
  sigstoreSigned,
]);

/** What must hold of an image; of a list, all must. */
export type PolicyRequirement = z.infer<typeof requirement>;
export type SigstoreSigned = z.infer<typeof sigstoreSigned>;
export type SignedBy = z.infer<typeof signedBy>;

const requirements = z.array(requirement).min(1);

const policySchema = z.strictObject({
  default: requirements,
  transports: z.record(z.string(), z.record(z.string(), requirements)).optional(),
});

/** A policy that was read: requirements by transport and scope. */
export interface Policy {
  /** Where it stands, for errors. */
  readonly where: string;
  readonly default: readonly PolicyRequirement[];
  readonly transports: ReadonlyMap<string, ReadonlyMap<string, readonly PolicyRequirement[]>>;
}

function invalid(where: string, why: string, cause?: unknown): TsimgError {
  return new TsimgError('POLICY_INVALID', 'the signature policy cannot be obeyed', {
    where,
    why,
    hint: 'containers-policy.json(5) says what may stand there; --signature-policy names another file',
    cause,
  });
}

/** JSON alone does not tell of a key that stands twice, the last of which would win. */
function parseUnique(text: string, where: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    const [error] = parseDocument(text, { uniqueKeys: true, strict: true }).errors;
    if (error !== undefined)
      throw invalid(where, /unique/i.test(error.message) ? 'a key stands twice' : 'it is not JSON', error);
    return value;
  } catch (error) {
    if (error instanceof TsimgError) throw error;
    throw invalid(where, 'it is not JSON', error);
  }
}

/** A scope of `dir`, `oci` and the archives is a path; the root of all would be said by "". */
function checkScopes({ transports = {} }: z.infer<typeof policySchema>, where: string): void {
  for (const [transport, scopes] of Object.entries(transports)) {
    for (const scope of Object.keys(scopes)) {
      const isPath = ['dir', 'oci', 'oci-archive', 'docker-archive'].includes(transport);
      if (isPath && scope === '/') throw invalid(where, `the scope / of ${transport} must be written ""`);
      if (isPath && scope !== '' && !scope.startsWith('/')) {
        throw invalid(where, `the scope ${scope} of ${transport} is no absolute path`);
      }
    }
  }
}

/** Transports whose scopes are obeyed; others are passed over, as podman does with those that it does not know. */
const TRANSPORTS = new Set(['docker', 'docker-archive', 'oci', 'oci-archive', 'dir']);

/** Reads policy.json, strictly. @param where a path @throws POLICY_INVALID */
export function parsePolicy(text: string, where: string): Policy {
  const value = parseUnique(text, where);
  const result = policySchema.safeParse(value);
  if (!result.success) throw invalid(where, formatSchemaIssue(result.error, value), result.error);
  checkScopes(result.data, where);
  const transports = Object.entries(result.data.transports ?? {}).filter(([name]) => TRANSPORTS.has(name));
  return {
    where,
    default: result.data.default,
    transports: new Map(transports.map(([name, scopes]) => [name, new Map(Object.entries(scopes))])),
  };
}

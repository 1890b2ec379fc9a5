import { TsimgError } from '../../errors.ts';
import { parseReference } from '../../oci/reference.ts';
import { formatSchemaIssue } from '../../schema/schema-issue.ts';
import * as z from '../../schema/zod.ts';
import { repeatedKey } from './repeated-key.ts';

// containers-policy.json(5). Unknown keys and types are errors: a policy that is half understood lets images through.

const path = z.string().check(z.minLength(1));
const data = z.base64();

/** Returns whether a text is a reference; with `isExact`, one with a tag or a digest. */
function isReference(text: string, isExact: boolean): boolean {
  try {
    parseReference(text);
    return !isExact || text.includes('@') || /:[^/]+$/.test(text);
  } catch {
    return false;
  }
}

/** A host, a namespace or a repository, without a tag or digest. */
const prefix = z
  .string()
  .check(
    z.refine((text) => !text.includes('@') && isReference(`${text}/a/b`, false), 'not the beginning of image names'),
  );

const signedIdentity = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('matchExact') }),
  z.strictObject({ type: z.literal('matchRepoDigestOrExact') }),
  z.strictObject({ type: z.literal('matchRepository') }),
  z.strictObject({
    type: z.literal('exactReference'),
    dockerReference: z
      .string()
      .check(z.refine((text) => isReference(text, true), 'not a reference with a tag or a digest')),
  }),
  z.strictObject({
    type: z.literal('exactRepository'),
    dockerRepository: z.string().check(z.refine((text) => isReference(text, false), 'not the name of a repository')),
  }),
  z.strictObject({ type: z.literal('remapIdentity'), prefix, signedPrefix: prefix }),
]);

/** How the signed name must match the requested reference. */
export type SignedIdentity = z.infer<typeof signedIdentity>;

const fulcio = z
  .strictObject({
    caPath: z.optional(path),
    caData: z.optional(data),
    oidcIssuer: z.string().check(z.minLength(1)),
    subjectEmail: z.string().check(z.minLength(1)),
  })
  .check(
    z.refine(({ caPath, caData }) => (caPath === undefined) !== (caData === undefined), 'one of caPath and caData'),
  );

const pki = z
  .strictObject({
    caRootsPath: z.optional(path),
    caRootsData: z.optional(data),
    caIntermediatesPath: z.optional(path),
    caIntermediatesData: z.optional(data),
    subjectEmail: z.optional(z.string().check(z.minLength(1))),
    subjectHostname: z.optional(z.string().check(z.minLength(1))),
  })
  .check(
    z.refine(
      (each) => (each.caRootsPath === undefined) !== (each.caRootsData === undefined),
      'one of caRootsPath and caRootsData',
    ),
    z.refine(
      (each) => !(each.caIntermediatesPath && each.caIntermediatesData),
      'one of caIntermediatesPath and caIntermediatesData',
    ),
    z.refine(
      (each) => each.subjectEmail !== undefined || each.subjectHostname !== undefined,
      'subjectEmail or subjectHostname',
    ),
  );

const count = (...values: readonly unknown[]): number => values.filter((value) => value !== undefined).length;

const sigstoreSigned = z
  .strictObject({
    type: z.literal('sigstoreSigned'),
    keyPath: z.optional(path),
    keyPaths: z.optional(z.array(path).check(z.minLength(1))),
    keyData: z.optional(data),
    keyDatas: z.optional(z.array(data).check(z.minLength(1))),
    fulcio: z.optional(fulcio),
    pki: z.optional(pki),
    rekorPublicKeyPath: z.optional(path),
    rekorPublicKeyPaths: z.optional(z.array(path).check(z.minLength(1))),
    rekorPublicKeyData: z.optional(data),
    rekorPublicKeyDatas: z.optional(z.array(data).check(z.minLength(1))),
    signedIdentity: z.optional(signedIdentity),
  })
  .check(
    z.refine(
      (each) => count(each.keyPath, each.keyPaths, each.keyData, each.keyDatas, each.fulcio, each.pki) === 1,
      'exactly one of keyPath, keyPaths, keyData, keyDatas, fulcio and pki',
    ),
    z.refine((each) => rekorSources(each) <= 1, 'at most one source of Rekor’s keys'),
    z.refine((each) => each.fulcio === undefined || rekorSources(each) === 1, 'fulcio needs Rekor’s public keys'),
    z.refine((each) => each.pki === undefined || rekorSources(each) === 0, 'pki goes without Rekor’s public keys'),
  );

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
    keyPath: z.optional(path),
    keyPaths: z.optional(z.array(path).check(z.minLength(1))),
    keyData: z.optional(data),
    signedIdentity: z.optional(signedIdentity),
  })
  .check(
    z.refine(
      (each) => count(each.keyPath, each.keyPaths, each.keyData) === 1,
      'exactly one of keyPath, keyPaths and keyData',
    ),
  );

const requirement = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('insecureAcceptAnything') }),
  z.strictObject({ type: z.literal('reject') }),
  signedBy,
  sigstoreSigned,
]);

/** A requirement for an image. All requirements of a list must hold. */
export type PolicyRequirement = z.infer<typeof requirement>;
export type SigstoreSigned = z.infer<typeof sigstoreSigned>;
export type SignedBy = z.infer<typeof signedBy>;

const requirements = z.array(requirement).check(z.minLength(1));

const policySchema = z.strictObject({
  default: requirements,
  transports: z.optional(z.record(z.string(), z.record(z.string(), requirements))),
});

/** A parsed policy: requirements by transport and scope. */
export interface Policy {
  /** The file's path, for errors. */
  readonly where: string;
  readonly default: readonly PolicyRequirement[];
  readonly transports: ReadonlyMap<string, ReadonlyMap<string, readonly PolicyRequirement[]>>;
}

function invalid(where: string, why: string, cause?: unknown): TsimgError {
  return new TsimgError('POLICY_INVALID', 'the signature policy is not valid', {
    where,
    why,
    hint: 'containers-policy.json(5) describes its form; --signature-policy names another file',
    cause,
  });
}

function parseUnique(text: string, where: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(where, 'it is not JSON', error);
  }
  const key = repeatedKey(text);
  if (key !== undefined) throw invalid(where, `the key ${JSON.stringify(key.slice(0, 200))} stands twice`);
  return value;
}

/** Returns the fault of a transport's scope; undefined for a valid scope. */
function faultOfScope(transport: string, scope: string): string | undefined {
  if (scope === '' || !PATH_TRANSPORTS.has(transport)) return undefined;
  if (transport === 'docker-archive') return 'has no scope but ""';
  if (scope === '/') return 'must be written ""';
  if (!scope.startsWith('/')) return 'must be an absolute path';
  const isClean = scope
    .slice(1)
    .split('/')
    .every((name) => name !== '' && name !== '.' && name !== '..');
  return isClean ? undefined : 'must be a path without . and .. and //';
}

function checkScopes({ transports = {} }: z.infer<typeof policySchema>, where: string): void {
  for (const [transport, scopes] of Object.entries(transports)) {
    for (const scope of Object.keys(scopes)) {
      const fault = faultOfScope(transport, scope);
      if (fault !== undefined) throw invalid(where, `the scope ${scope} of ${transport} ${fault}`);
    }
  }
}

/** Transports with a path as scope. A docker archive may hold several images, so only `""` is a scope of it. */
const PATH_TRANSPORTS = new Set(['dir', 'oci', 'oci-archive', 'docker-archive']);
/** The known transports. Others are ignored, as podman ignores unknown ones. */
const TRANSPORTS = new Set(['docker', 'docker-archive', 'oci', 'oci-archive', 'dir']);

/** Parses policy.json, strictly. @param where the file's path, for errors @throws POLICY_INVALID */
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

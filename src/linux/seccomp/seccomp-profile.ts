import { TsimgError } from '../../errors.ts';
import { formatSchemaIssue } from '../../schema/schema-issue.ts';
import * as z from '../../schema/zod.ts';

const ACTIONS = [
  'SCMP_ACT_ALLOW',
  'SCMP_ACT_ERRNO',
  'SCMP_ACT_KILL',
  'SCMP_ACT_KILL_PROCESS',
  'SCMP_ACT_KILL_THREAD',
  'SCMP_ACT_TRAP',
  'SCMP_ACT_TRACE',
  'SCMP_ACT_LOG',
] as const;

const OPERATORS = [
  'SCMP_CMP_NE',
  'SCMP_CMP_LT',
  'SCMP_CMP_LE',
  'SCMP_CMP_EQ',
  'SCMP_CMP_GE',
  'SCMP_CMP_GT',
  'SCMP_CMP_MASKED_EQ',
] as const;

const errno = z.int().check(z.gte(0), z.lte(4095));
const argument = z.strictObject({
  index: z.int().check(z.gte(0), z.lte(5)),
  value: z.int().check(z.gte(0)),
  valueTwo: z._default(z.int().check(z.gte(0)), 0),
  op: z.enum(OPERATORS),
});
const names = z.nullish(z.array(z.string()));
const filter = z.nullish(z.strictObject({ caps: names, arches: names, minKernel: z.nullish(z.string()) }));
const syscall = z.strictObject({
  name: z.nullish(z.string()),
  names,
  action: z.enum(ACTIONS),
  errnoRet: z.nullish(errno),
  args: z.nullish(z.array(argument)),
  comment: z.nullish(z.string()),
  includes: filter,
  excludes: filter,
});
const profile = z.strictObject({
  defaultAction: z.enum(ACTIONS),
  defaultErrnoRet: z.nullish(errno),
  architectures: names,
  archMap: z.nullish(z.array(z.strictObject({ architecture: z.string(), subArchitectures: names }))),
  flags: names,
  syscalls: z.nullish(z.array(syscall)),
});

/**
 * docker's seccomp profile, as in the file of `--security-opt seccomp=FILE`. OCI runtime spec, config-linux.md,
 * "Seccomp".
 */
export type SeccompProfile = z.infer<typeof profile>;
export type SeccompAction = (typeof ACTIONS)[number];
export type SeccompOperator = (typeof OPERATORS)[number];

/**
 * Parses a profile. Unknown fields are refused: an ignored rule may be the one that denies. @throws DOCUMENT_INVALID
 */
export function parseSeccompProfile(text: string, where: string): SeccompProfile {
  const fail = (why: string, cause?: unknown) =>
    new TsimgError('DOCUMENT_INVALID', 'not a seccomp profile', { where, why, cause });
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw fail('it is not JSON', cause);
  }
  const parsed = profile.safeParse(document);
  if (parsed.success) return parsed.data;
  throw fail(formatSchemaIssue(parsed.error, document), parsed.error);
}

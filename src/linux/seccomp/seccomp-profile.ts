import { TsimgError } from '../../errors.ts';
import { formatSchemaIssue } from '../../schema/schema-issue.ts';
import * as z from '../../schema/zod.ts';

/** What the kernel does when a system call is made. seccomp_init(3). */
export type SeccompAction =
  | 'SCMP_ACT_ALLOW'
  | 'SCMP_ACT_ERRNO'
  | 'SCMP_ACT_KILL'
  | 'SCMP_ACT_KILL_PROCESS'
  | 'SCMP_ACT_KILL_THREAD'
  | 'SCMP_ACT_TRAP'
  | 'SCMP_ACT_TRACE'
  | 'SCMP_ACT_LOG';

/** How an argument is compared. seccomp_rule_add(3). */
export type SeccompOperator =
  | 'SCMP_CMP_NE'
  | 'SCMP_CMP_LT'
  | 'SCMP_CMP_LE'
  | 'SCMP_CMP_EQ'
  | 'SCMP_CMP_GE'
  | 'SCMP_CMP_GT'
  | 'SCMP_CMP_MASKED_EQ';

/** A condition on an argument of a system call. */
export interface SeccompArgument {
  /** 0 to 5. */
  readonly index: number;
  readonly value: number;
  /** Of `SCMP_CMP_MASKED_EQ`: what the argument, masked with `value`, must be. Default 0. */
  readonly valueTwo?: number | undefined;
  readonly op: SeccompOperator;
}

/** For which containers an entry counts: docker's `includes` and `excludes`. */
export interface SeccompFilter {
  readonly caps?: readonly string[] | null | undefined;
  readonly arches?: readonly string[] | null | undefined;
  readonly minKernel?: string | null | undefined;
}

/** What becomes of some system calls. */
export interface SeccompCall {
  readonly name?: string | null | undefined;
  readonly names?: readonly string[] | null | undefined;
  readonly action: SeccompAction;
  readonly errnoRet?: number | null | undefined;
  readonly args?: readonly SeccompArgument[] | null | undefined;
  readonly comment?: string | null | undefined;
  readonly includes?: SeccompFilter | null | undefined;
  readonly excludes?: SeccompFilter | null | undefined;
}

/** An architecture, and those whose programs it runs too. */
export interface SeccompArchitectures {
  readonly architecture: string;
  readonly subArchitectures?: readonly string[] | null | undefined;
}

/**
 * docker's seccomp profile, as in the file of `--security-opt seccomp=FILE`. OCI runtime spec, config-linux.md,
 * "Seccomp".
 */
export interface SeccompProfile {
  readonly defaultAction: SeccompAction;
  readonly defaultErrnoRet?: number | null | undefined;
  readonly architectures?: readonly string[] | null | undefined;
  readonly archMap?: readonly SeccompArchitectures[] | null | undefined;
  readonly flags?: readonly string[] | null | undefined;
  readonly syscalls?: readonly SeccompCall[] | null | undefined;
}

const ACTIONS = [
  'SCMP_ACT_ALLOW',
  'SCMP_ACT_ERRNO',
  'SCMP_ACT_KILL',
  'SCMP_ACT_KILL_PROCESS',
  'SCMP_ACT_KILL_THREAD',
  'SCMP_ACT_TRAP',
  'SCMP_ACT_TRACE',
  'SCMP_ACT_LOG',
] as const satisfies readonly SeccompAction[];

const OPERATORS = [
  'SCMP_CMP_NE',
  'SCMP_CMP_LT',
  'SCMP_CMP_LE',
  'SCMP_CMP_EQ',
  'SCMP_CMP_GE',
  'SCMP_CMP_GT',
  'SCMP_CMP_MASKED_EQ',
] as const satisfies readonly SeccompOperator[];

/** Made where a profile is read, which few containers have. */
function profileSchema() {
  const errno = z.int().check(z.gte(0), z.lte(4095));
  const argument = z.strictObject({
    index: z.int().check(z.gte(0), z.lte(5)),
    value: z.int().check(z.gte(0)),
    valueTwo: z.optional(z.int().check(z.gte(0))),
    op: z.enum(OPERATORS),
  });
  const names = z.nullish(z.array(z.string()));
  const filter = z.nullish(z.strictObject({ caps: names, arches: names, minKernel: z.nullish(z.string()) }));
  const call = z.strictObject({
    name: z.nullish(z.string()),
    names,
    action: z.enum(ACTIONS),
    errnoRet: z.nullish(errno),
    args: z.nullish(z.array(argument)),
    comment: z.nullish(z.string()),
    includes: filter,
    excludes: filter,
  });
  return z.strictObject({
    defaultAction: z.enum(ACTIONS),
    defaultErrnoRet: z.nullish(errno),
    architectures: names,
    archMap: z.nullish(z.array(z.strictObject({ architecture: z.string(), subArchitectures: names }))),
    flags: names,
    syscalls: z.nullish(z.array(call)),
  });
}

/**
 * Returns what keeps a document from being a profile; undefined for a profile. Unknown fields do: an ignored rule may
 * be the one that denies.
 */
export function faultOfProfile(document: unknown): string | undefined {
  const { error } = profileSchema().safeParse(document);
  return error && formatSchemaIssue(error, document);
}

/** Parses a profile. @throws DOCUMENT_INVALID */
export function parseSeccompProfile(text: string, where: string): SeccompProfile {
  const fail = (why: string, cause?: unknown) =>
    new TsimgError('DOCUMENT_INVALID', 'not a seccomp profile', { where, why, cause });
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw fail('it is not JSON', cause);
  }
  const parsed = profileSchema().safeParse(document);
  if (parsed.success) return parsed.data;
  throw fail(formatSchemaIssue(parsed.error, document), parsed.error);
}

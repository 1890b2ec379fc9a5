import { TsimgError } from '../../errors.ts';
import type { Capability } from '../capabilities.ts';
import type { Action, Architecture, Condition, Rule, SeccompPolicy, Verdict } from './seccomp-policy.ts';
import type { SeccompAction, SeccompCall, SeccompOperator, SeccompProfile } from './seccomp-profile.ts';

const EPERM = 1;
const ENOSYS = 38;

const ARCHITECTURES: ReadonlyMap<string, Architecture> = new Map([
  ['SCMP_ARCH_X86_64', 'x64'],
  ['SCMP_ARCH_X86', 'x86'],
  ['SCMP_ARCH_AARCH64', 'arm64'],
]);

/** Names of a machine in profiles: libseccomp's, and that of `includes.arches`. */
const MACHINES: Readonly<Record<'x64' | 'arm64', { readonly native: string; readonly arch: string }>> = {
  x64: { native: 'SCMP_ARCH_X86_64', arch: 'amd64' },
  arm64: { native: 'SCMP_ARCH_AARCH64', arch: 'arm64' },
};

const OPERATORS: Readonly<Record<SeccompOperator, Condition['operator']>> = {
  SCMP_CMP_NE: 'ne',
  SCMP_CMP_LT: 'lt',
  SCMP_CMP_LE: 'le',
  SCMP_CMP_EQ: 'eq',
  SCMP_CMP_GE: 'ge',
  SCMP_CMP_GT: 'gt',
  SCMP_CMP_MASKED_EQ: 'masked-equal',
};

function actionOf(action: SeccompAction, errno: number): Action {
  switch (action) {
    case 'SCMP_ACT_ALLOW':
      return { kind: 'allow' };
    case 'SCMP_ACT_ERRNO':
      return { kind: 'fail', errno };
    case 'SCMP_ACT_KILL':
    case 'SCMP_ACT_KILL_THREAD':
      return { kind: 'kill-thread' };
    case 'SCMP_ACT_KILL_PROCESS':
      return { kind: 'kill-process' };
    case 'SCMP_ACT_TRAP':
      return { kind: 'trap' };
    case 'SCMP_ACT_TRACE':
      return { kind: 'trace' };
    case 'SCMP_ACT_LOG':
      return { kind: 'log' };
  }
}

/** Parses `major.minor…` to one comparable number. */
function kernelNumber(release: string): number {
  const [, major = '0', minor = '0'] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  return Number(major) * 1000 + Number(minor);
}

/** The facts by which a profile's `includes` and `excludes` are decided. */
export interface SeccompSurroundings {
  readonly capabilities: readonly Capability[];
  readonly machine: string;
  /** The kernel's release. */
  readonly kernel: string;
}

/**
 * Whether an entry applies to this container on this machine: docker's `includes` (all must hold) and `excludes` (none
 * may hold).
 */
function applies({ includes, excludes }: SeccompCall, arch: string, around: SeccompSurroundings): boolean {
  const has = (name: string) => around.capabilities.some((each) => `CAP_${each}` === name);
  const isOld = (minimum: string) => kernelNumber(around.kernel) < kernelNumber(minimum);
  if (excludes?.caps?.some(has) || excludes?.arches?.includes(arch)) return false;
  if (excludes?.minKernel && !isOld(excludes.minKernel)) return false;
  if (includes?.caps && !includes.caps.every(has)) return false;
  if (includes?.arches?.length && !includes.arches.includes(arch)) return false;
  return !(includes?.minKernel && isOld(includes.minKernel));
}

/**
 * The rules of an entry. Conditions on the same argument are alternatives, as in runc; conditions on different
 * arguments must all hold.
 */
function rulesOf({ args, action, errnoRet }: SeccompCall): readonly Rule[] {
  const does = actionOf(action, errnoRet ?? EPERM);
  const conditions = (args ?? []).map(
    ({ index, op, value, valueTwo = 0 }): Condition =>
      op === 'SCMP_CMP_MASKED_EQ'
        ? { argument: index, operator: 'masked-equal', value: valueTwo, mask: value }
        : { argument: index, operator: OPERATORS[op], value },
  );
  const alternatives = new Set(conditions.map(({ argument }) => argument)).size < conditions.length;
  if (alternatives) return conditions.map((condition) => ({ conditions: [condition], action: does }));
  return [{ conditions, action: does }];
}

/**
 * Combines the rules of a call as runc and libseccomp do: a rule with the default action is dropped; a rule without
 * conditions hides those with conditions; of several, the first counts.
 */
function verdictOf(all: readonly Rule[], otherwise: Action): Verdict {
  const rules = all.filter(({ action }) => JSON.stringify(action) !== JSON.stringify(otherwise));
  const plain = rules.find(({ conditions }) => conditions.length === 0);
  if (plain !== undefined) return plain.action;
  return rules.length === 0 ? otherwise : { kind: 'rules', rules, otherwise };
}

/** The architectures of programs that a profile accepts. */
function architecturesOf(profile: SeccompProfile, native: string): readonly Architecture[] {
  const mapped = profile.archMap?.find(({ architecture }) => architecture === native);
  const listed = profile.architectures ?? [native, ...(mapped?.subArchitectures ?? [])];
  return [native, ...listed].map((name) => ARCHITECTURES.get(name)).filter((name) => name !== undefined);
}

/**
 * Resolves a profile for a container on this machine. Calls that are newer than our tables fail with ENOSYS, as with
 * runc, unless the profile allows unnamed calls. @throws HOST_UNSUPPORTED
 */
export function resolveSeccomp(profile: SeccompProfile, around: SeccompSurroundings): SeccompPolicy {
  const { machine } = around;
  if (machine !== 'x64' && machine !== 'arm64') {
    throw new TsimgError('HOST_UNSUPPORTED', 'no system call filter for this machine', { where: machine });
  }
  const { native, arch } = MACHINES[machine];
  const otherwise = actionOf(profile.defaultAction, profile.defaultErrnoRet ?? EPERM);
  const byName = new Map<string, Rule[]>();
  for (const call of profile.syscalls ?? []) {
    if (!applies(call, arch, around)) continue;
    for (const name of [...(call.names ?? []), ...(call.name ? [call.name] : [])]) {
      byName.set(name, [...(byName.get(name) ?? []), ...rulesOf(call)]);
    }
  }
  return {
    verdicts: [...byName].map(([name, rules]) => [name, verdictOf(rules, otherwise)] as const),
    denied: otherwise,
    unknown: ['allow', 'log', 'trace'].includes(otherwise.kind) ? otherwise : { kind: 'fail', errno: ENOSYS },
    architectures: architecturesOf(profile, native),
  };
}

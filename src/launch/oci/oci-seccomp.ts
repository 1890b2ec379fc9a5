import type { Capability } from '../../linux/capabilities.ts';
import {
  type Action,
  type Condition,
  defaultPolicy,
  type Rule,
  type SeccompPolicy,
  type Verdict,
} from '../../linux/seccomp/seccomp-policy.ts';
import type { SeccompAction, SeccompOperator } from '../../linux/seccomp/seccomp-profile.ts';

/** A condition on an argument. OCI runtime spec, config-linux.md, "Seccomp". */
interface SeccompArgument {
  readonly index: number;
  readonly value: number;
  readonly valueTwo: number;
  readonly op: SeccompOperator;
}

interface SeccompRule {
  readonly names: readonly string[];
  readonly action: SeccompAction;
  readonly errnoRet?: number;
  readonly args?: readonly SeccompArgument[];
}

export interface OciSeccomp {
  readonly defaultAction: SeccompAction;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly syscalls: readonly SeccompRule[];
}

const ARCHITECTURES: Readonly<Record<string, readonly string[]>> = {
  amd64: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  arm64: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
};

const BITS = 32;
const ALL_BITS = 0xffff_ffff;

/**
 * All 32-bit values except these, as blocks with a common prefix. Runtimes treat several conditions on one argument as
 * alternatives, so that two conditions cannot express "neither 38 nor 40". They compare 64 bits where the kernel reads
 * 32, so that the upper bits could evade a comparison without a mask.
 */
function blocksWithout(values: readonly number[]): readonly { readonly mask: number; readonly value: number }[] {
  const blocks: { readonly mask: number; readonly value: number }[] = [];
  let pending = [{ bits: 0, value: 0, inside: values }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { bits, value, inside } = next;
    if (inside.length === 0) blocks.push({ mask: bits === 0 ? 0 : ALL_BITS - (2 ** (BITS - bits) - 1), value });
    else if (bits < BITS) {
      const half = 2 ** (BITS - bits - 1);
      pending = [
        ...pending,
        { bits: bits + 1, value: value + half, inside: inside.filter((each) => each >= value + half) },
        { bits: bits + 1, value, inside: inside.filter((each) => each < value + half) },
      ];
    }
  }
  return blocks;
}

function allowWhere(name: string, index: number, mask: number, value: number): SeccompRule {
  return {
    names: [name],
    action: 'SCMP_ACT_ALLOW',
    args: [{ index, value: mask, valueTwo: value, op: 'SCMP_CMP_MASKED_EQ' }],
  };
}

const ACTIONS: Readonly<Record<Action['kind'], SeccompAction>> = {
  allow: 'SCMP_ACT_ALLOW',
  fail: 'SCMP_ACT_ERRNO',
  'kill-process': 'SCMP_ACT_KILL_PROCESS',
  'kill-thread': 'SCMP_ACT_KILL_THREAD',
  trap: 'SCMP_ACT_TRAP',
  trace: 'SCMP_ACT_TRACE',
  log: 'SCMP_ACT_LOG',
};

const OPERATORS: Readonly<Record<Condition['operator'], SeccompOperator>> = {
  ne: 'SCMP_CMP_NE',
  lt: 'SCMP_CMP_LT',
  le: 'SCMP_CMP_LE',
  eq: 'SCMP_CMP_EQ',
  ge: 'SCMP_CMP_GE',
  gt: 'SCMP_CMP_GT',
  'masked-equal': 'SCMP_CMP_MASKED_EQ',
};

function ruleOf(name: string, { conditions, action }: Rule): SeccompRule {
  return {
    names: [name],
    action: ACTIONS[action.kind],
    ...(action.kind === 'fail' && { errnoRet: action.errno }),
    args: conditions.map(({ argument, operator, value, mask }) => ({
      index: argument,
      ...(mask === undefined ? { value, valueTwo: 0 } : { value: mask, valueTwo: value }),
      op: OPERATORS[operator],
    })),
  };
}

function rulesOf(name: string, verdict: Verdict): readonly SeccompRule[] {
  switch (verdict.kind) {
    case 'allow':
      return [];
    case 'fail':
      return [{ names: [name], action: 'SCMP_ACT_ERRNO', errnoRet: verdict.errno }];
    case 'allow-if-equal':
      return verdict.values.map((value) => allowWhere(name, verdict.argument, ALL_BITS, value));
    case 'allow-unless-equal':
      return blocksWithout(verdict.values).map(({ mask, value }) => allowWhere(name, verdict.argument, mask, value));
    case 'allow-without-bits':
      return [allowWhere(name, verdict.argument, verdict.mask, 0)];
    case 'rules':
      return [...verdict.rules.map((rule) => ruleOf(name, rule)), ...rulesOf(name, verdict.otherwise)];
    default:
      return [{ names: [name], action: ACTIONS[verdict.kind] }];
  }
}

/** Converts a policy for an OCI runtime. Calls that the runtime does not know fail there with ENOSYS. */
export function ociPolicy({ verdicts, denied }: SeccompPolicy, architecture: string): OciSeccomp {
  const architectures = ARCHITECTURES[architecture];
  const names = verdicts.filter(([, { kind }]) => kind === 'allow').map(([name]) => name);
  return {
    defaultAction: ACTIONS[denied.kind],
    ...(denied.kind === 'fail' && { defaultErrnoRet: denied.errno }),
    ...(architectures && { architectures }),
    syscalls: [
      ...(names.length === 0 ? [] : [{ names, action: ACTIONS.allow }]),
      ...verdicts.flatMap(([name, verdict]) => rulesOf(name, verdict)),
    ],
  };
}

/** Makes the policy of `tsimg run` for a container with these capabilities, for an OCI runtime. */
export function ociSeccomp(capabilities: readonly Capability[], architecture: string): OciSeccomp {
  return ociPolicy(defaultPolicy(capabilities), architecture);
}

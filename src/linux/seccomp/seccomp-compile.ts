import { TsimgError } from '../../errors.ts';
import { withMultiplexers } from './multiplexed-calls.ts';
import type { Action, Architecture, Condition, Rule, SeccompPolicy, Verdict } from './seccomp-policy.ts';
import { SYSCALLS_ARM64 } from './syscalls-arm64.data.ts';
import { SYSCALLS_X64 } from './syscalls-x64.data.ts';
import { SYSCALLS_X86 } from './syscalls-x86.data.ts';

/**
 * One instruction of classic BPF: `struct sock_filter`, linux/filter.h. Jumps count the instructions that they skip.
 */
export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

const LOAD = 0x20;
const JUMP = 0x05;
const JUMP_EQUAL = 0x15;
const JUMP_GREATER_OR_EQUAL = 0x35;
const JUMP_GREATER = 0x25;
const JUMP_BITS = 0x45;
const AND = 0x54;
const RETURN = 0x06;

const RET_KILL_PROCESS = 0x8000_0000;
const RET_ERRNO = 0x0005_0000;
const RET_ALLOW = 0x7fff_0000;
const RET: Readonly<Record<Exclude<Action['kind'], 'fail'>, number>> = {
  allow: RET_ALLOW,
  'kill-process': RET_KILL_PROCESS,
  'kill-thread': 0,
  trap: 0x0003_0000,
  trace: 0x7ff0_0000,
  log: 0x7ffc_0000,
};

/** The kernel's limit on instructions. linux/bpf_common.h, BPF_MAXINSNS. */
const MAX_INSTRUCTIONS = 4096;

/**
 * Offsets in `struct seccomp_data`, in bytes. Both machines are little-endian: the low half of an argument comes first.
 */
const OFFSET = { number: 0, architecture: 4, arguments: 16 };

type Machine = 'x64' | 'arm64';

/** ENOSYS: the call does not exist. */
const ABSENT: Action = { kind: 'fail', errno: 38 };

interface SyscallTable {
  readonly name: Architecture;
  /** AUDIT_ARCH_*, linux/audit.h. */
  readonly architecture: number;
  readonly calls: string;
  /** Ranges of numbers that alias the calls above: each from `first` up to `end`. */
  readonly others?: readonly (readonly [first: number, end: number])[];
}

/** The architectures of programs that a machine's kernel runs. A program of any other one is killed. */
const TABLES: Readonly<Record<Machine, readonly SyscallTable[]>> = {
  x64: [
    {
      name: 'x64',
      architecture: 0xc000_003e,
      calls: SYSCALLS_X64,
      // x32 has the architecture of x86-64: its calls have bit 30 set, and before Linux 5.4 some had not. -1 is no
      // call: a tracer that skips a call sets it.
      others: [
        [512, 548],
        [0x4000_0000, 0xffff_ffff],
      ],
    },
    { name: 'x86', architecture: 0x4000_0003, calls: SYSCALLS_X86 },
  ],
  arm64: [{ name: 'arm64', architecture: 0xc000_00b7, calls: SYSCALLS_ARM64 }],
};

function op(code: number, k: number, jt = 0, jf = 0): Instruction {
  return { code, jt, jf, k };
}

function result(action: Action): Instruction {
  return op(RETURN, action.kind === 'fail' ? (RET_ERRNO | action.errno) >>> 0 : RET[action.kind]);
}

/** The jump target of a failed test; it is replaced when the length of the rule is known. */
const FAIL = -1;

/** Compares both halves of an argument: falls through when the condition holds, else jumps to FAIL. */
function emitCondition({ argument, operator, value, mask = 0 }: Condition): readonly Instruction[] {
  const low = op(LOAD, OFFSET.arguments + 8 * argument);
  const high = op(LOAD, OFFSET.arguments + 8 * argument + 4);
  const [h, l] = [Math.floor(value / 2 ** 32), value % 2 ** 32];
  const greater = (code: number) => [
    high,
    op(JUMP_GREATER, h, 3, 0),
    op(JUMP_EQUAL, h, 0, FAIL),
    low,
    op(code, l, 0, FAIL),
  ];
  const less = (code: number) => [
    high,
    op(JUMP_GREATER, h, FAIL, 0),
    op(JUMP_EQUAL, h, 0, 2),
    low,
    op(code, l, FAIL, 0),
  ];
  switch (operator) {
    case 'eq':
      return [high, op(JUMP_EQUAL, h, 0, FAIL), low, op(JUMP_EQUAL, l, 0, FAIL)];
    case 'ne':
      return [high, op(JUMP_EQUAL, h, 0, 2), low, op(JUMP_EQUAL, l, FAIL, 0)];
    case 'gt':
      return greater(JUMP_GREATER);
    case 'ge':
      return greater(JUMP_GREATER_OR_EQUAL);
    case 'lt':
      return less(JUMP_GREATER_OR_EQUAL);
    case 'le':
      return less(JUMP_GREATER);
    case 'masked-equal':
      return [
        high,
        op(AND, Math.floor(mask / 2 ** 32)),
        op(JUMP_EQUAL, h, 0, FAIL),
        low,
        op(AND, mask % 2 ** 32),
        op(JUMP_EQUAL, l, 0, FAIL),
      ];
  }
}

function emitRule({ conditions, action }: Rule): readonly Instruction[] {
  const rule = [...conditions.flatMap(emitCondition), result(action)];
  const past = (jump: number, index: number) => (jump === FAIL ? rule.length - index - 1 : jump);
  return rule.map(({ code, jt, jf, k }, index) => op(code, k, past(jt, index), past(jf, index)));
}

function emitVerdict(verdict: Verdict, denied: Instruction): readonly Instruction[] {
  if (verdict.kind === 'rules') return [...verdict.rules.flatMap(emitRule), result(verdict.otherwise)];
  if (!('argument' in verdict)) return [result(verdict)];
  const allowed = op(RETURN, RET_ALLOW);
  const load = op(LOAD, OFFSET.arguments + 8 * verdict.argument);
  if (verdict.kind === 'allow-without-bits') return [load, op(JUMP_BITS, verdict.mask, 1, 0), allowed, denied];
  const [otherwise, equal] = verdict.kind === 'allow-if-equal' ? [denied, allowed] : [allowed, denied];
  const tests = verdict.values.map((value, index) => op(JUMP_EQUAL, value, verdict.values.length - index, 0));
  return [load, ...tests, otherwise, equal];
}

/** From `first` up to the next interval, all system calls have the same verdict. */
interface Interval {
  readonly first: number;
  readonly verdict: Verdict;
}

function intervalsOf({ name: machine, calls, others = [] }: SyscallTable, policy: SeccompPolicy): readonly Interval[] {
  const verdicts = machine === 'x86' ? withMultiplexers(policy) : new Map(policy.verdicts);
  const byNumber = new Map<number, Verdict>();
  for (const pair of calls.trim().split(/\s+/)) {
    const [name = '', number] = pair.split('=');
    byNumber.set(Number(number), verdicts.get(name) ?? policy.denied);
  }
  const last = Math.max(...byNumber.keys());
  const intervals: Interval[] = [];
  for (let number = 0; number <= last + 1; number += 1) {
    const verdict = number > last ? policy.unknown : (byNumber.get(number) ?? policy.unknown);
    const before = intervals.at(-1)?.verdict;
    const same = before === verdict || (before !== undefined && JSON.stringify(before) === JSON.stringify(verdict));
    if (!same) intervals.push({ first: number, verdict });
  }
  for (const [first, end] of others) {
    intervals.push({ first, verdict: ABSENT }, { first: end, verdict: policy.unknown });
  }
  return intervals;
}

/** A binary search for the interval of the number in the accumulator: about eight comparisons per call. */
function emitSearch(intervals: readonly Interval[], denied: Instruction): readonly Instruction[] {
  const [only] = intervals;
  if (only === undefined) return [];
  if (intervals.length === 1) return emitVerdict(only.verdict, denied);
  const middle = intervals.length >> 1;
  const below = emitSearch(intervals.slice(0, middle), denied);
  const above = emitSearch(intervals.slice(middle), denied);
  // A conditional jump skips at most 255 instructions, an unconditional one any number.
  const test = op(JUMP_GREATER_OR_EQUAL, intervals[middle]?.first ?? 0, 0, 1);
  return [test, op(JUMP, below.length), ...below, ...above];
}

/**
 * Compiles a policy into the filter program of a machine, for all the architectures that it runs. seccomp(2).
 * @throws LIMIT_EXCEEDED
 */
export function compileSeccomp(policy: SeccompPolicy, machine: Machine): readonly Instruction[] {
  const denied = result(policy.denied);
  const program: Instruction[] = [op(LOAD, OFFSET.architecture)];
  for (const table of TABLES[machine]) {
    const { name, architecture } = table;
    if (policy.architectures !== undefined && !policy.architectures.includes(name)) continue;
    const body = [op(LOAD, OFFSET.number), ...emitSearch(intervalsOf(table, policy), denied)];
    program.push(op(JUMP_EQUAL, architecture, 1, 0), op(JUMP, body.length), ...body);
  }
  program.push(op(RETURN, RET_KILL_PROCESS));
  if (program.length <= MAX_INSTRUCTIONS) return program;
  throw new TsimgError('LIMIT_EXCEEDED', 'a system call policy with too many rules', {
    facts: { limit: MAX_INSTRUCTIONS, found: program.length },
  });
}

/** Encodes a program for the kernel: 8 bytes per instruction, little-endian. */
export function encodeFilter(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  program.forEach(({ code, jt, jf, k }, index) => {
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, jt);
    view.setUint8(index * 8 + 3, jf);
    view.setUint32(index * 8 + 4, k, true);
  });
  return bytes;
}

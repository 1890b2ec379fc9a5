import { type DeviceRule, mergeDeviceRules } from './device-rule.ts';

/** One instruction of eBPF: `struct bpf_insn`, linux/bpf.h. Jumps count the instructions that they skip. */
interface Instruction {
  readonly code: number;
  readonly to: number;
  readonly from?: number;
  readonly offset?: number;
  readonly value?: number;
}

// Opcodes of linux/bpf.h and linux/bpf_common.h; arithmetic is 32-bit.
const LOAD_WORD = 0x61;
const MOVE = 0xb4;
const MOVE_REGISTER = 0xbc;
const AND = 0x54;
const SHIFT_RIGHT = 0x74;
const JUMP_NOT_EQUAL = 0x55;
const JUMP_REGISTER_NOT_EQUAL = 0x5d;
const EXIT = 0x95;

/** Registers: the result, the context, the requested access, and a scratch register. */
const R = { result: 0, context: 1, kind: 2, access: 3, major: 4, minor: 5, scratch: 6 } as const;

/** `struct bpf_cgroup_dev_ctx`: the access in the upper half of the first word, the kind in the lower one. Bytes. */
const OFFSET = { access: 0, major: 4, minor: 8 } as const;
/** BPF_DEVCG_DEV_* */
const KIND = { block: 1, character: 2 } as const;
/** BPF_DEVCG_ACC_* */
const ACCESS = [
  ['m', 1],
  ['r', 2],
  ['w', 4],
] as const;
const ALL = 7;

const PROLOGUE: readonly Instruction[] = [
  { code: LOAD_WORD, to: R.kind, from: R.context, offset: OFFSET.access },
  { code: MOVE_REGISTER, to: R.access, from: R.kind },
  { code: SHIFT_RIGHT, to: R.access, value: 16 },
  { code: AND, to: R.kind, value: 0xffff },
  { code: LOAD_WORD, to: R.major, from: R.context, offset: OFFSET.major },
  { code: LOAD_WORD, to: R.minor, from: R.context, offset: OFFSET.minor },
];

function answer(value: 0 | 1): readonly Instruction[] {
  return [
    { code: MOVE, to: R.result, value },
    { code: EXIT, to: 0 },
  ];
}

/** Returns 1 where the rule matches the device and allows the whole access; else falls through to the next rule. */
function emitRule({ kind, major, minor, access }: DeviceRule): readonly Instruction[] {
  const mask = ACCESS.reduce((bits, [letter, bit]) => bits | (access.includes(letter) ? bit : 0), 0);
  const tests: readonly Instruction[] = [
    { code: JUMP_NOT_EQUAL, to: R.kind, value: KIND[kind] },
    ...(mask === ALL
      ? []
      : [
          { code: MOVE_REGISTER, to: R.scratch, from: R.access },
          { code: AND, to: R.scratch, value: mask },
          { code: JUMP_REGISTER_NOT_EQUAL, to: R.scratch, from: R.access },
        ]),
    ...(major === 'any' ? [] : [{ code: JUMP_NOT_EQUAL, to: R.major, value: major }]),
    ...(minor === 'any' ? [] : [{ code: JUMP_NOT_EQUAL, to: R.minor, value: minor }]),
  ];
  const rule = [...tests, ...answer(1)];
  const isJump = ({ code }: Instruction) => code === JUMP_NOT_EQUAL || code === JUMP_REGISTER_NOT_EQUAL;
  return rule.map((each, index) => (isJump(each) ? { ...each, offset: rule.length - index - 1 } : each));
}

function encode(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  program.forEach(({ code, to, from = 0, offset = 0, value = 0 }, index) => {
    view.setUint8(index * 8, code);
    view.setUint8(index * 8 + 1, to | (from << 4));
    view.setInt16(index * 8 + 2, offset, true);
    view.setInt32(index * 8 + 4, value, true);
  });
  return bytes;
}

/**
 * Compiles rules into the program that the kernel runs when a process in a cgroup of version 2 opens or makes a device:
 * 1 allows, 0 denies, and devices without a rule are denied. 8 bytes per instruction, little-endian. cgroup-v2.rst,
 * "Device controller".
 */
export function compileDeviceProgram(rules: readonly DeviceRule[]): Uint8Array {
  return encode([...PROLOGUE, ...mergeDeviceRules(rules).flatMap(emitRule), ...answer(0)]);
}

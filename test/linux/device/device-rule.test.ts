import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { compileDeviceProgram } from '../../../src/linux/device/device-program.ts';
import {
  DEFAULT_DEVICE_RULES,
  type DeviceRule,
  formatDeviceRule,
  mergeDeviceRules,
  parseDeviceRules,
} from '../../../src/linux/device/device-rule.ts';

const test = suite('linux/device/device-rule');

test('a rule is read as docker writes it, and written as the kernel reads it', () => {
  for (const text of ['c 189:* rwm', 'b 8:0 r', 'b *:* m', 'c 4095:1048575 w']) {
    assert.equal(parseDeviceRules(text).map(formatDeviceRule), [text]);
  }
  assert.equal(parseDeviceRules('a 10:200 mr').map(formatDeviceRule), ['b 10:200 rm', 'c 10:200 rm']);
});

for (const text of [
  '',
  'c',
  'd 1:1 r',
  'c 1 r',
  'c 1:1',
  'c 1:1 x',
  'c -1:1 r',
  'c 4096:1 r',
  'c 1:1048576 r',
  'c 1:1 r\nb 8:0 r',
  'c  1:1 r',
  'c 1:1 rwmr',
]) {
  test(`${JSON.stringify(text)} is no rule`, () => {
    try {
      parseDeviceRules(text);
    } catch (error) {
      assert.ok(error instanceof TsimgError && error.code === 'USAGE');
      return;
    }
    assert.unreachable();
  });
}

test('the accesses of several rules for one device add up', () => {
  const rules = ['c 1:1 r', 'c 1:* w', 'c 1:1 m'].flatMap(parseDeviceRules);
  assert.equal(mergeDeviceRules(rules).map(formatDeviceRule), ['c 1:1 rm', 'c 1:* w']);
});

interface Request {
  readonly kind: DeviceRule['kind'];
  readonly major: number;
  readonly minor: number;
  readonly access: string;
}

const BITS: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 };

/**
 * A machine for the few instructions of a program, and the kernel's answer to a request. bpf(2), standardized
 * instruction set.
 */
function answer(program: Uint8Array, { kind, major, minor, access }: Request): number {
  const bits = [...access].reduce((sum, letter) => sum | (BITS[letter] ?? 0), 0);
  const context = [(bits << 16) | (kind === 'block' ? 1 : 2), major, minor];
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const registers = new Array<number>(11).fill(0);
  for (let at = 0, steps = 0; steps < 10_000; at += 1, steps += 1) {
    const code = view.getUint8(at * 8);
    const [to, from] = [view.getUint8(at * 8 + 1) & 15, view.getUint8(at * 8 + 1) >> 4];
    const [offset, value] = [view.getInt16(at * 8 + 2, true), view.getInt32(at * 8 + 4, true)];
    const [mine = 0, other = 0] = [registers[to], registers[from]];
    if (code === 0x95) return registers[0] ?? 0;
    if (code === 0x55) at += mine === value ? 0 : offset;
    else if (code === 0x5d) at += mine === other ? 0 : offset;
    else if (code === 0x61) registers[to] = context[offset / 4] ?? Number.NaN;
    else if (code === 0xb4) registers[to] = value >>> 0;
    else if (code === 0xbc) registers[to] = other;
    else if (code === 0x54) registers[to] = (mine & value) >>> 0;
    else if (code === 0x74) registers[to] = mine >>> value;
    else throw new Error(`an instruction that nobody knows: ${code}`);
  }
  throw new Error('it does not end');
}

const allows = (rules: readonly DeviceRule[], request: Request) => answer(compileDeviceProgram(rules), request) === 1;

test('a program allows an access that one rule allows as a whole, and no other', () => {
  const rules = ['c 1:3 rwm', 'b 8:* r', 'c *:* m', 'c 7:7 w', 'c 7:7 r'].flatMap(parseDeviceRules);
  const given = (text: string): Request => {
    const [rule] = parseDeviceRules(text);
    if (rule === undefined || rule.major === 'any' || rule.minor === 'any') throw new Error(text);
    return { ...rule, major: rule.major, minor: rule.minor };
  };
  for (const text of ['c 1:3 rw', 'c 1:3 m', 'b 8:0 r', 'b 8:17 r', 'c 99:1 m', 'c 7:7 rw']) {
    assert.ok(allows(rules, given(text)), text);
  }
  for (const text of ['b 1:3 r', 'c 1:4 r', 'b 8:0 w', 'b 8:0 rw', 'b 9:0 r', 'b 8:0 m', 'c 99:1 rm', 'c 7:8 r']) {
    assert.not.ok(allows(rules, given(text)), text);
  }
});

test('without a rule everything is denied', () => {
  assert.not.ok(allows([], { kind: 'character', major: 1, minor: 3, access: 'r' }));
});

test('by default a container has docker’s devices, and makes files of others without opening them', () => {
  const opens = (kind: DeviceRule['kind'], major: number, minor: number) =>
    allows(DEFAULT_DEVICE_RULES, { kind, major, minor, access: 'rw' });
  for (const [major, minor] of [
    [1, 3],
    [1, 5],
    [1, 7],
    [1, 8],
    [1, 9],
    [5, 0],
    [5, 1],
    [5, 2],
    [136, 0],
    [136, 77],
  ] as const) {
    assert.ok(opens('character', major, minor), `${major}:${minor}`);
  }
  for (const [major, minor] of [
    [1, 1],
    [1, 2],
    [1, 4],
    [1, 11],
    [4, 0],
    [10, 200],
    [10, 229],
    [137, 0],
  ] as const) {
    assert.not.ok(opens('character', major, minor), `${major}:${minor}`);
  }
  assert.not.ok(opens('block', 8, 0));
  for (const kind of ['block', 'character'] as const) {
    assert.ok(allows(DEFAULT_DEVICE_RULES, { kind, major: 8, minor: 0, access: 'm' }));
  }
});

test.run();

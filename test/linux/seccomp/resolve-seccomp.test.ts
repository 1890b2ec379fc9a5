import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import type { Capability } from '../../../src/linux/capabilities.ts';
import { resolveSeccomp } from '../../../src/linux/seccomp/resolve-seccomp.ts';
import { compileSeccomp } from '../../../src/linux/seccomp/seccomp-compile.ts';
import { parseSeccompProfile } from '../../../src/linux/seccomp/seccomp-profile.ts';
import { runFilter } from '../../support/container/run-filter.ts';

const test = suite('linux/seccomp/resolve-seccomp');

const X64 = 0xc000003e;
const X86 = 0x40000003;
const ALLOW = 0x7fff0000;
const KILL_PROCESS = 0x80000000;
const EPERM = 0x00050001;
const ENOSYS = 0x00050026;
/** Of x86-64. */
const CALL = { read: 0, getpid: 39, socket: 41, clone: 56, personality: 135, later: 4000 };

/** The verdict on a call of a container under this profile, on x86-64. */
function verdict(
  document: object,
  call: keyof typeof CALL,
  args: readonly bigint[] = [],
  around: { readonly capabilities?: readonly Capability[]; readonly kernel?: string } = {},
): number {
  const profile = parseSeccompProfile(JSON.stringify(document), 'test');
  const { capabilities = [], kernel = '6.1.0' } = around;
  const program = compileSeccomp(resolveSeccomp(profile, { capabilities, kernel, machine: 'x64' }), 'x64');
  return runFilter(program, X64, CALL[call], args);
}

const rule = (op: string, value: number, valueTwo = 0) => ({
  defaultAction: 'SCMP_ACT_ERRNO',
  syscalls: [{ names: ['socket'], action: 'SCMP_ACT_ALLOW', args: [{ index: 1, value, valueTwo, op }] }],
});

const BIG = 2 ** 32 + 5;
const VALUES = [
  0n,
  4n,
  5n,
  6n,
  2n ** 32n,
  2n ** 32n + 4n,
  2n ** 32n + 5n,
  2n ** 32n + 6n,
  2n ** 33n + 5n,
  2n ** 64n - 1n,
];
const COMPARED: Readonly<Record<string, (found: bigint, value: bigint) => boolean>> = {
  SCMP_CMP_NE: (found, value) => found !== value,
  SCMP_CMP_LT: (found, value) => found < value,
  SCMP_CMP_LE: (found, value) => found <= value,
  SCMP_CMP_EQ: (found, value) => found === value,
  SCMP_CMP_GE: (found, value) => found >= value,
  SCMP_CMP_GT: (found, value) => found > value,
};

for (const [op, holds] of Object.entries(COMPARED)) {
  test(`${op} compares all 64 bits of an argument, without a sign`, () => {
    for (const value of [0, 5, BIG]) {
      for (const found of VALUES) {
        const expected = holds(found, BigInt(value)) ? ALLOW : EPERM;
        assert.is(verdict(rule(op, value), 'socket', [0n, found]), expected, `${found} ${op} ${value}`);
      }
    }
  });
}

test('SCMP_CMP_MASKED_EQ masks with the first value and compares with the second', () => {
  const document = rule('SCMP_CMP_MASKED_EQ', 2 ** 33 + 6, 4);
  for (const [found, expected] of [
    [4n, ALLOW],
    [5n, ALLOW],
    [6n, EPERM],
    [2n ** 33n + 4n, EPERM],
    [2n ** 34n + 4n, ALLOW],
  ] as const) {
    assert.is(verdict(document, 'socket', [0n, found]), expected, String(found));
  }
});

test('a second value that a profile does not give is 0', () => {
  const document = {
    defaultAction: 'SCMP_ACT_ERRNO',
    syscalls: [
      { names: ['socket'], action: 'SCMP_ACT_ALLOW', args: [{ index: 1, value: 6, op: 'SCMP_CMP_MASKED_EQ' }] },
    ],
  };
  assert.is(verdict(document, 'socket', [0n, 9n]), ALLOW);
  assert.is(verdict(document, 'socket', [0n, 10n]), EPERM);
});

test('several conditions must all hold; two on one argument are alternatives', () => {
  const args = (...indices: readonly number[]) => ({
    defaultAction: 'SCMP_ACT_ERRNO',
    syscalls: [
      {
        names: ['socket'],
        action: 'SCMP_ACT_ALLOW',
        args: indices.map((index, at) => ({ index, value: at + 1, op: 'SCMP_CMP_EQ' })),
      },
    ],
  });
  assert.is(verdict(args(0, 1), 'socket', [1n, 2n]), ALLOW);
  assert.is(verdict(args(0, 1), 'socket', [1n, 3n]), EPERM);
  assert.is(verdict(args(0, 0), 'socket', [2n]), ALLOW);
  assert.is(verdict(args(0, 0), 'socket', [3n]), EPERM);
});

test('unnamed calls get the default; calls newer than the tables get ENOSYS unless the default allows', () => {
  const deny = { defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 13, syscalls: [] };
  assert.is(verdict(deny, 'read'), 0x0005000d);
  assert.is(verdict(deny, 'later'), ENOSYS);
  assert.is(verdict({ defaultAction: 'SCMP_ACT_ALLOW' }, 'later'), ALLOW);
  assert.is(verdict({ defaultAction: 'SCMP_ACT_KILL_PROCESS' }, 'read'), KILL_PROCESS);
});

test('every action is the kernel’s', () => {
  for (const [action, expected] of [
    ['SCMP_ACT_KILL', 0],
    ['SCMP_ACT_KILL_THREAD', 0],
    ['SCMP_ACT_KILL_PROCESS', KILL_PROCESS],
    ['SCMP_ACT_TRAP', 0x00030000],
    ['SCMP_ACT_TRACE', 0x7ff00000],
    ['SCMP_ACT_LOG', 0x7ffc0000],
    ['SCMP_ACT_ERRNO', EPERM],
  ] as const) {
    const document = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['getpid'], action }] };
    assert.is(verdict(document, 'getpid'), expected, action);
    assert.is(verdict(document, 'read'), ALLOW, action);
  }
});

test('includes and excludes fit a rule to capabilities, machine and kernel', () => {
  const when = (fields: object) => ({
    defaultAction: 'SCMP_ACT_ERRNO',
    syscalls: [{ names: ['clone'], action: 'SCMP_ACT_ALLOW', ...fields }],
  });
  const admin = { capabilities: ['SYS_ADMIN'] } as const;
  assert.is(verdict(when({ includes: { caps: ['CAP_SYS_ADMIN'] } }), 'clone'), EPERM);
  assert.is(verdict(when({ includes: { caps: ['CAP_SYS_ADMIN'] } }), 'clone', [], admin), ALLOW);
  assert.is(verdict(when({ excludes: { caps: ['CAP_SYS_ADMIN'] } }), 'clone', [], admin), EPERM);
  assert.is(verdict(when({ includes: { arches: ['arm64'] } }), 'clone'), EPERM);
  assert.is(verdict(when({ includes: { arches: ['amd64', 'x32'] } }), 'clone'), ALLOW);
  assert.is(verdict(when({ includes: { minKernel: '4.8' } }), 'clone', [], { kernel: '4.7.99' }), EPERM);
  assert.is(verdict(when({ includes: { minKernel: '4.8' } }), 'clone', [], { kernel: '5.10.0-1' }), ALLOW);
});

test('programs of an architecture that the profile does not list are killed', () => {
  const program = (document: object) => {
    const profile = parseSeccompProfile(JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', ...document }), 'test');
    return compileSeccomp(resolveSeccomp(profile, { capabilities: [], kernel: '6.1.0', machine: 'x64' }), 'x64');
  };
  const mapped = { archMap: [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86'] }] };
  assert.is(runFilter(program({}), X86, 1), KILL_PROCESS);
  assert.is(runFilter(program(mapped), X86, 1), ALLOW);
  assert.is(runFilter(program({ architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'] }), X86, 1), ALLOW);
});

test('text that is no profile, or has unknown fields, is refused', () => {
  const withArgument = (argument: string) =>
    `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[${argument}]}]}`;
  for (const text of [
    'x',
    '{}',
    '{"defaultAction":"SCMP_ACT_NOTIFY"}',
    '{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"/x"}',
    withArgument('{"index":6,"value":0,"op":"SCMP_CMP_EQ"}'),
    withArgument('{"index":0,"value":1e300,"op":"SCMP_CMP_EQ"}'),
  ]) {
    try {
      parseSeccompProfile(text, 'test');
      assert.unreachable(text);
    } catch (error) {
      assert.ok(error instanceof TsimgError, text);
      assert.is(error instanceof TsimgError && error.code, 'DOCUMENT_INVALID');
    }
  }
});

test.run();

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Capability, DEFAULT_CAPABILITIES } from '../../../src/linux/capabilities.ts';
import { compileSeccomp, encodeFilter } from '../../../src/linux/seccomp/seccomp-compile.ts';
import { defaultPolicy } from '../../../src/linux/seccomp/seccomp-policy.ts';
import { SYSCALLS_ARM64 } from '../../../src/linux/seccomp/syscalls-arm64.data.ts';
import { SYSCALLS_X64 } from '../../../src/linux/seccomp/syscalls-x64.data.ts';
import { SYSCALLS_X86 } from '../../../src/linux/seccomp/syscalls-x86.data.ts';
import { runFilter as run } from '../../support/container/run-filter.ts';

const X64 = 0xc000003e;
const X86 = 0x40000003;
const ARM64 = 0xc00000b7;

const ALLOW = 0x7fff0000;
const EPERM = 0x00050001;
const ENOSYS = 0x00050026;
const KILL = 0x80000000;

function numbers(table: string): ReadonlyMap<string, number> {
  return new Map(
    table
      .trim()
      .split(/\s+/)
      .map((pair) => [pair.split('=')[0] ?? '', Number(pair.split('=')[1])]),
  );
}

function probe(capabilities: readonly Capability[] = DEFAULT_CAPABILITIES) {
  const policy = defaultPolicy(capabilities);
  const x64 = compileSeccomp(policy, 'x64');
  const arm64 = compileSeccomp(policy, 'arm64');
  return (name: string, args: readonly bigint[] = []): readonly number[] =>
    (
      [
        [x64, X64, SYSCALLS_X64],
        [x64, X86, SYSCALLS_X86],
        [arm64, ARM64, SYSCALLS_ARM64],
      ] as const
    ).flatMap(([program, architecture, table]) => {
      const number = numbers(table).get(name);
      return number === undefined ? [] : [run(program, architecture, number, args)];
    });
}

const test = suite('linux/seccomp/seccomp-compile');

test('every call of the tables gets the verdict that the policy has for it', () => {
  const policy = defaultPolicy(DEFAULT_CAPABILITIES);
  const x64 = compileSeccomp(policy, 'x64');
  const arm64 = compileSeccomp(policy, 'arm64');
  for (const [program, architecture, table] of [
    [x64, X64, SYSCALLS_X64],
    [x64, X86, SYSCALLS_X86],
    [arm64, ARM64, SYSCALLS_ARM64],
  ] as const) {
    for (const [name, number] of numbers(table)) {
      const verdict = new Map(policy.verdicts).get(name) ?? policy.denied;
      if (verdict.kind !== 'allow' && verdict.kind !== 'fail') continue;
      const expected = verdict.kind === 'allow' ? ALLOW : 0x50000 | verdict.errno;
      assert.is(run(program, architecture, number), expected, name);
    }
  }
});

test('calls that change the host are denied', () => {
  const call = probe();
  for (const name of [
    'mount',
    'umount2',
    'unshare',
    'setns',
    'bpf',
    'init_module',
    'kexec_load',
    'reboot',
    'keyctl',
    'io_uring_setup',
  ]) {
    assert.ok(call(name).length > 0, name);
    assert.ok(
      call(name).every((value) => value === EPERM),
      name,
    );
  }
});

test('a capability opens the calls that it is for', () => {
  assert.ok(probe(['SYS_ADMIN'])('mount').every((value) => value === ALLOW));
  assert.ok(probe(['SYS_ADMIN'])('clone3').every((value) => value === ALLOW));
  assert.ok(probe(['SYS_BOOT'])('reboot').every((value) => value === ALLOW));
  assert.ok(probe([])('chroot').every((value) => value === EPERM));
});

test('clone makes processes and threads but no namespaces, and clone3 is not there', () => {
  const call = probe();
  assert.ok(call('clone', [0x11n]).every((value) => value === ALLOW));
  for (const flag of [0x20000n, 0x2000000n, 0x4000000n, 0x8000000n, 0x10000000n, 0x20000000n, 0x40000000n]) {
    assert.ok(
      call('clone', [flag | 0x11n]).every((value) => value === EPERM),
      flag.toString(16),
    );
  }
  assert.ok(call('clone3').every((value) => value === ENOSYS));
});

test('TIOCSTI is denied whatever the half of the argument that the kernel ignores', () => {
  const call = probe();
  assert.ok(call('ioctl', [0n, 0x5413n]).every((value) => value === ALLOW));
  for (const request of [0x5412n, 0x541cn, 0x1_0000_5412n]) {
    assert.ok(call('ioctl', [0n, request]).every((value) => value === EPERM));
  }
});

test('all sockets except vsock and the kernel’s ciphers are allowed; personality is Linux', () => {
  const call = probe();
  assert.ok(call('socket', [2n]).every((value) => value === ALLOW));
  for (const family of [40n, 38n]) assert.ok(call('socket', [family]).every((value) => value === EPERM));
  assert.ok(call('personality', [0xffff_ffffn]).every((value) => value === ALLOW));
  assert.ok(call('personality', [0x4_0000n]).every((value) => value === EPERM));
});

test('a call in no table fails with ENOSYS, x32’s too', () => {
  const program = compileSeccomp(defaultPolicy(DEFAULT_CAPABILITIES), 'x64');
  for (const number of [468, 9999, 0x4000_0000, 0x4000_0001, 0xffff_ffff]) assert.is(run(program, X64, number), ENOSYS);
});

test('another architecture than the machine’s is killed', () => {
  assert.is(run(compileSeccomp(defaultPolicy([]), 'arm64'), X64, 0), KILL);
  assert.is(run(compileSeccomp(defaultPolicy([]), 'x64'), ARM64, 63), KILL);
});

test('a program is 8 bytes an instruction, little-endian, and fits the kernel’s 4096', () => {
  assert.equal([...encodeFilter([{ code: 0x15, jt: 1, jf: 2, k: 0xc000003e }])], [0x15, 0, 1, 2, 0x3e, 0, 0, 0xc0]);
  assert.ok(compileSeccomp(defaultPolicy(DEFAULT_CAPABILITIES), 'x64').length < 4096);
});

test.run();

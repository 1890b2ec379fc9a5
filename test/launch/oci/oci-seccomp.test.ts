import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type OciSeccomp, ociSeccomp } from '../../../src/launch/oci/oci-seccomp.ts';
import { DEFAULT_CAPABILITIES } from '../../../src/linux/capabilities.ts';
import { defaultPolicy } from '../../../src/linux/seccomp/seccomp-policy.ts';

const test = suite('launch/oci/oci-seccomp');

const profile = ociSeccomp(DEFAULT_CAPABILITIES, 'amd64');

/** A runtime's verdict on a call: rules are alternatives, and arguments are compared as 64 bits. */
function verdict({ syscalls }: OciSeccomp, name: string, values: readonly bigint[]): string | number {
  for (const { names, action, errnoRet, args = [] } of syscalls) {
    const matches = args.every(
      ({ index, value, valueTwo }) => ((values[index] ?? 0n) & BigInt(value)) === BigInt(valueTwo),
    );
    if (names.includes(name) && matches) return action === 'SCMP_ACT_ALLOW' ? 'allowed' : (errnoRet ?? 0);
  }
  return 'denied';
}

test('every call of the policy has the same verdict', () => {
  const { verdicts } = defaultPolicy(DEFAULT_CAPABILITIES);
  assert.ok(verdicts.length > 300);
  for (const [name, { kind }] of verdicts) if (kind === 'allow') assert.is(verdict(profile, name, []), 'allowed', name);
  for (const name of ['mount', 'bpf', 'keyctl', 'io_uring_setup'])
    assert.is(verdict(profile, name, []), 'denied', name);
  assert.is(verdict(profile, 'clone3', []), 38);
});

test('denied arguments are denied whatever their upper 32 bits, and no other arguments are', () => {
  const denied: Readonly<Record<string, readonly [argument: number, values: readonly number[]]>> = {
    socket: [0, [38, 40]],
    ioctl: [1, [0x5412, 0x541c]],
  };
  for (const [name, [argument, values]] of Object.entries(denied)) {
    for (const value of [
      0, 1, 37, 38, 39, 40, 41, 0x5411, 0x5412, 0x5413, 0x541b, 0x541c, 0x541d, 0x7fffffff, 0x80000000, 0xffffffff,
    ]) {
      for (const upper of [0n, 1n << 32n]) {
        const args = argument === 0 ? [BigInt(value) | upper] : [0n, BigInt(value) | upper];
        assert.is(verdict(profile, name, args), values.includes(value) ? 'denied' : 'allowed', `${name} ${value}`);
      }
    }
  }
});

test('clone makes no namespaces, and only the usual personalities are allowed', () => {
  assert.is(verdict(profile, 'clone', [0x1200011n]), 'allowed');
  assert.is(verdict(profile, 'clone', [0x10000011n]), 'denied');
  assert.is(verdict(profile, 'personality', [0xffffffffn]), 'allowed');
  assert.is(verdict(profile, 'personality', [0x40000n]), 'denied');
});

test('the architectures are those that a processor of the image can run', () => {
  assert.equal(ociSeccomp([], 'arm64').architectures, ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM']);
  assert.is(ociSeccomp([], 'riscv64').architectures, undefined);
});

test.run();

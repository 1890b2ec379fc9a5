import type { Capability } from '../capabilities.ts';
import { ALLOWED_CALLS, CAPABILITY_CALLS } from './seccomp-policy.data.ts';

/** EPERM: it is there, but not for you. */
const EPERM = 1;
/** ENOSYS: it is not there, so callers fall back to what they did before it was. */
const ENOSYS = 38;

/** What the kernel does with a call: seccomp(2)'s actions. */
export type Action =
  | { readonly kind: 'allow' }
  | { readonly kind: 'fail'; readonly errno: number }
  | { readonly kind: 'kill-process' | 'kill-thread' | 'trap' | 'trace' | 'log' };

/**
 * A comparison of an argument, all its 64 bits, unsigned. For `masked-equal` the argument is masked with `mask` before.
 */
export interface Condition {
  readonly argument: number;
  readonly operator: 'ne' | 'lt' | 'le' | 'eq' | 'ge' | 'gt' | 'masked-equal';
  readonly value: number;
  readonly mask?: number | undefined;
}

/** What becomes of a call whose arguments meet all conditions. */
export interface Rule {
  readonly conditions: readonly Condition[];
  readonly action: Action;
}

/**
 * What becomes of a system call. Arguments are compared by their low 32 bits, which is all that the kernel uses of
 * these; those of `rules` whole: the first rule that is met counts.
 */
export type Verdict =
  | Action
  | { readonly kind: 'rules'; readonly rules: readonly Rule[]; readonly otherwise: Action }
  | { readonly kind: 'allow-unless-equal'; readonly argument: number; readonly values: readonly number[] }
  | { readonly kind: 'allow-if-equal'; readonly argument: number; readonly values: readonly number[] }
  | { readonly kind: 'allow-without-bits'; readonly argument: number; readonly mask: number };

/** What a machine's kernel runs: itself, and 32-bit programs where it can. */
export type Architecture = 'x64' | 'x86' | 'arm64';

/**
 * A whole policy, as plain data: verdicts by name, one for all other known calls, one for those later than the tables.
 */
export interface SeccompPolicy {
  readonly verdicts: readonly (readonly [string, Verdict])[];
  readonly denied: Action;
  readonly unknown: Action;
  /** Programs of other architectures are killed; all that the machine runs, when absent. */
  readonly architectures?: readonly Architecture[] | undefined;
}

/**
 * CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET: a process with new namespaces has new capabilities.
 */
const NAMESPACE_FLAGS = 0x7e02_0000;
/** A socket to the machine around this one (vsock), and the kernel's ciphers, an attack surface without need. */
const DENIED_FAMILIES = [40, 38];
/** Pushes characters into a terminal's input as if typed there: on any terminal, and on a virtual console. */
const DENIED_IOCTLS = [0x5412, 0x541c];
/** Linux, uname 2.6, 32-bit, both, and the question which it is. */
const PERSONALITIES = [0x0, 0x2_0000, 0x8, 0x2_0008, 0xffff_ffff];

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}

/**
 * docker's default policy for a container with these capabilities. Denied besides are TIOCSTI and TIOCLINUX
 * (CVE-2017-5226), and socketcall: docs/decisions/0020.
 */
export function defaultPolicy(capabilities: readonly Capability[]): SeccompPolicy {
  const allow: Verdict = { kind: 'allow' };
  const verdicts = new Map<string, Verdict>(words(ALLOWED_CALLS).map((name) => [name, allow]));
  verdicts.set('socket', { kind: 'allow-unless-equal', argument: 0, values: DENIED_FAMILIES });
  // 32-bit x86: the families that are denied lie in memory there.
  verdicts.set('socketcall', { kind: 'fail', errno: ENOSYS });
  verdicts.set('ioctl', { kind: 'allow-unless-equal', argument: 1, values: DENIED_IOCTLS });
  verdicts.set('personality', { kind: 'allow-if-equal', argument: 0, values: PERSONALITIES });
  verdicts.set('clone', { kind: 'allow-without-bits', argument: 0, mask: NAMESPACE_FLAGS });
  // Its flags lie in memory, where a filter cannot look: without it, the C library uses clone.
  verdicts.set('clone3', { kind: 'fail', errno: ENOSYS });
  for (const [capability, names] of CAPABILITY_CALLS) {
    if (capabilities.includes(capability)) for (const name of words(names)) verdicts.set(name, allow);
  }
  return { verdicts: [...verdicts], denied: { kind: 'fail', errno: EPERM }, unknown: { kind: 'fail', errno: ENOSYS } };
}

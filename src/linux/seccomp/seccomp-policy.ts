import type { Capability } from '../capabilities.ts';
import { ALLOWED_CALLS, CAPABILITY_CALLS } from './seccomp-policy.data.ts';

/** EPERM: the call exists and is not permitted. */
const EPERM = 1;
/** ENOSYS: the call does not exist, so that callers use an older one. */
const ENOSYS = 38;

/** The kernel's reaction to a call: seccomp(2)'s actions. */
export type Action =
  | { readonly kind: 'allow' }
  | { readonly kind: 'fail'; readonly errno: number }
  | { readonly kind: 'kill-process' | 'kill-thread' | 'trap' | 'trace' | 'log' };

/** A comparison of an argument, unsigned, 64 bits. `masked-equal` applies `mask` to the argument first. */
export interface Condition {
  readonly argument: number;
  readonly operator: 'ne' | 'lt' | 'le' | 'eq' | 'ge' | 'gt' | 'masked-equal';
  readonly value: number;
  readonly mask?: number | undefined;
}

/** The action for a call whose arguments meet all conditions. */
export interface Rule {
  readonly conditions: readonly Condition[];
  readonly action: Action;
}

/**
 * The verdict on a system call. The kinds `allow-…` compare the low 32 bits of an argument, all that the kernel reads
 * there; `rules` compare 64 bits, and the first rule that matches counts.
 */
export type Verdict =
  | Action
  | { readonly kind: 'rules'; readonly rules: readonly Rule[]; readonly otherwise: Action }
  | { readonly kind: 'allow-unless-equal'; readonly argument: number; readonly values: readonly number[] }
  | { readonly kind: 'allow-if-equal'; readonly argument: number; readonly values: readonly number[] }
  | { readonly kind: 'allow-without-bits'; readonly argument: number; readonly mask: number };

/** The architectures of programs that a machine's kernel runs: its own, and a 32-bit one where it can. */
export type Architecture = 'x64' | 'x86' | 'arm64';

/**
 * A policy as plain data: verdicts by name, an action for all other known calls, and one for calls newer than the
 * tables.
 */
export interface SeccompPolicy {
  readonly verdicts: readonly (readonly [string, Verdict])[];
  readonly denied: Action;
  readonly unknown: Action;
  /** Programs of other architectures are killed. Default: all that the machine runs. */
  readonly architectures?: readonly Architecture[] | undefined;
}

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET: new namespaces bring new capabilities. */
const NAMESPACE_FLAGS = 0x7e02_0000;
/** Socket families: vsock, to the machine around this one; and the kernel's ciphers, an attack surface without need. */
const DENIED_FAMILIES = [40, 38];
/** TIOCSTI and TIOCLINUX push characters into a terminal's input, as if the user had typed them. */
const DENIED_IOCTLS = [0x5412, 0x541c];
/** Linux, uname 2.6, 32-bit, both, and the query of the current one. */
const PERSONALITIES = [0x0, 0x2_0000, 0x8, 0x2_0008, 0xffff_ffff];

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}

/**
 * docker's default policy for a container with these capabilities. TIOCSTI and TIOCLINUX (CVE-2017-5226) and socketcall
 * are denied in addition: docs/decisions/0020.
 */
export function defaultPolicy(capabilities: readonly Capability[]): SeccompPolicy {
  const allow: Verdict = { kind: 'allow' };
  const verdicts = new Map<string, Verdict>(words(ALLOWED_CALLS).map((name) => [name, allow]));
  verdicts.set('socket', { kind: 'allow-unless-equal', argument: 0, values: DENIED_FAMILIES });
  // 32-bit x86: the family is in memory there, where a filter cannot look.
  verdicts.set('socketcall', { kind: 'fail', errno: ENOSYS });
  verdicts.set('ioctl', { kind: 'allow-unless-equal', argument: 1, values: DENIED_IOCTLS });
  verdicts.set('personality', { kind: 'allow-if-equal', argument: 0, values: PERSONALITIES });
  verdicts.set('clone', { kind: 'allow-without-bits', argument: 0, mask: NAMESPACE_FLAGS });
  // Its flags are in memory, where a filter cannot look. Without it, the C library uses clone.
  verdicts.set('clone3', { kind: 'fail', errno: ENOSYS });
  for (const [capability, names] of CAPABILITY_CALLS) {
    if (capabilities.includes(capability)) for (const name of words(names)) verdicts.set(name, allow);
  }
  return { verdicts: [...verdicts], denied: { kind: 'fail', errno: EPERM }, unknown: { kind: 'fail', errno: ENOSYS } };
}

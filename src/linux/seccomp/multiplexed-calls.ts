import type { Action, Rule, SeccompPolicy, Verdict } from './seccomp-policy.ts';

/**
 * System calls of 32-bit x86 that stand for many others. The first argument selects one; `mask` has the bits of it that
 * the kernel reads.
 */
const MULTIPLEXERS: readonly (readonly [name: string, mask: number, calls: Readonly<Record<string, number>>])[] = [
  [
    'socketcall',
    0xffff_ffff,
    {
      socket: 1,
      bind: 2,
      connect: 3,
      listen: 4,
      accept: 5,
      getsockname: 6,
      getpeername: 7,
      socketpair: 8,
      send: 9,
      recv: 10,
      sendto: 11,
      recvfrom: 12,
      shutdown: 13,
      setsockopt: 14,
      getsockopt: 15,
      sendmsg: 16,
      recvmsg: 17,
      accept4: 18,
      recvmmsg: 19,
      sendmmsg: 20,
    },
  ],
  [
    'ipc',
    // The bits above hold a version, which most of the calls ignore: comparing them too would let a denied call
    // through.
    0xffff,
    {
      semop: 1,
      semget: 2,
      semctl: 3,
      semtimedop: 4,
      msgsnd: 11,
      msgrcv: 12,
      msgget: 13,
      msgctl: 14,
      shmat: 21,
      shmdt: 22,
      shmget: 23,
      shmctl: 24,
    },
  ],
];

function isSame(one: Action, other: Action): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function lets(action: Action): boolean {
  return ['allow', 'log', 'trace'].includes(action.kind);
}

/**
 * The action for a call that comes through a multiplexer. Its arguments are in memory, where a filter cannot look: a
 * call that is refused under a condition is refused always, a call that is allowed under a condition is not allowed.
 * Undefined: as for calls without a rule.
 */
function byMultiplexer(verdict: Verdict | undefined, denied: Action): Action | undefined {
  if (verdict === undefined || 'argument' in verdict) return undefined;
  if (verdict.kind !== 'rules') return isSame(verdict, denied) ? undefined : verdict;
  const refused = verdict.rules.find(({ action }) => !lets(action));
  const otherwise = isSame(verdict.otherwise, denied) ? undefined : verdict.otherwise;
  return refused?.action ?? otherwise;
}

/**
 * The verdicts of a policy on 32-bit x86, where sockets and System V IPC have one call each and one multiplexer for
 * all. A verdict on `connect` holds for `socketcall` too, as with libseccomp, unless the policy names `socketcall`
 * itself. socketcall(2), ipc(2).
 */
export function withMultiplexers({ verdicts, denied }: SeccompPolicy): ReadonlyMap<string, Verdict> {
  const all = new Map(verdicts);
  for (const [name, mask, calls] of MULTIPLEXERS) {
    const own = all.get(name);
    if (own !== undefined && own.kind !== 'rules') continue;
    const rules = Object.entries(calls).flatMap(([call, value]): readonly Rule[] => {
      const action = byMultiplexer(all.get(call), denied);
      const condition = { argument: 0, operator: 'masked-equal', value, mask } as const;
      return action === undefined ? [] : [{ conditions: [condition], action }];
    });
    const otherwise = own?.otherwise ?? denied;
    if (rules.length > 0) all.set(name, { kind: 'rules', rules: [...(own?.rules ?? []), ...rules], otherwise });
  }
  return all;
}

import type { Action, Rule, SeccompPolicy, Verdict } from './seccomp-policy.ts';

/**
 * Calls of 32-bit x86 that stand for many: the argument that says for which, and the bits of it that the kernel looks
 * at.
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
    // Above them is a version, which most of the calls do not look at: deny one of them, and it would be called by
    // another.
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
 * What becomes of a call when it comes by a multiplexer, whose arguments lie in memory, where a filter cannot look:
 * what is refused under a condition is refused, what is let under one is not let. Undefined: as all that is not named.
 */
function byMultiplexer(verdict: Verdict | undefined, denied: Action): Action | undefined {
  if (verdict === undefined || 'argument' in verdict) return undefined;
  if (verdict.kind !== 'rules') return isSame(verdict, denied) ? undefined : verdict;
  const refused = verdict.rules.find(({ action }) => !lets(action));
  const otherwise = isSame(verdict.otherwise, denied) ? undefined : verdict.otherwise;
  return refused?.action ?? otherwise;
}

/**
 * The verdicts of a policy on 32-bit x86, where sockets and System V IPC have a call each and one for all: what the
 * policy says of `connect` holds for `socketcall`, too, as libseccomp has it, unless it says something of `socketcall`
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

import type { Call } from '../request.ts';
import { callError, type Stub } from '../stub.ts';

/** The flags of unshare(2) and setns(2). <linux/sched.h> */
const CLONE_NEW = {
  mount: 0x0002_0000,
  cgroup: 0x0200_0000,
  uts: 0x0400_0000,
  ipc: 0x0800_0000,
  user: 0x1000_0000,
  pid: 0x2000_0000,
  network: 0x4000_0000,
  time: 0x80,
} as const;

export type NamespaceName = keyof typeof CLONE_NEW;

/**
 * Moves the stub to new namespaces; only its children are in new PID and time namespaces. unshare(2) @throws
 * SYSTEM_CALL
 */
export function makeNamespaces(stub: Stub, names: readonly NamespaceName[]): void {
  const flags = names.reduce((all, name) => all | CLONE_NEW[name], 0);
  const outcome = stub.attempt([{ name: 'unshare', args: [flags] }]);
  if (outcome !== undefined && outcome.result < 0) {
    throw callError(`unshare(${names.map((name) => `CLONE_NEW${name.toUpperCase()}`).join('|')})`, outcome.result);
  }
}

/** Moves the stub to an open namespace. setns(2) @throws SYSTEM_CALL */
export function joinNamespace(stub: Stub, fd: number, name: NamespaceName, where: string): void {
  stub.later({ name: 'setns', args: [fd, CLONE_NEW[name]], where });
}

/**
 * Opens a process. Unlike its number, the descriptor never names another process. pidfd_open(2)
 * @throws SYSTEM_CALL with `facts.errno` ESRCH where the process is gone
 */
export function openProcess(stub: Stub, pid: number): number {
  return stub.call('pidfd_open', [pid, 0], String(pid));
}

/**
 * Moves the stub to namespaces of an open process, all in one call; only its children are in the PID and time
 * namespaces. setns(2), Linux 5.8
 *
 * @throws SYSTEM_CALL with `facts.errno` ESRCH where the process is gone
 */
export function joinNamespacesOf(stub: Stub, process: number, names: readonly NamespaceName[]): void {
  if (names.length === 0) return;
  const flags = names.reduce((all, name) => all | CLONE_NEW[name], 0);
  stub.call('setns', [process, flags], names.join(', '));
}

/** The call that sets the host name. sethostname(2) */
export function hostnameCall(name: string): Call {
  return { name: 'sethostname', args: [Buffer.from(name), Buffer.byteLength(name)] };
}

/** Sets the host name. sethostname(2) @throws SYSTEM_CALL */
export function setHostname(stub: Stub, name: string): void {
  stub.later({ ...hostnameCall(name), where: name });
}

import { type LimitValue, RESOURCES, type Resource } from '../../../linux/limits.ts';
import type { Call } from '../request.ts';
import { callError, type LaterCall, type Stub, stubIsGone } from '../stub.ts';

const PR = {
  setPdeathsig: 1,
  setDumpable: 4,
  setKeepcaps: 8,
  capbsetDrop: 24,
  setSecurebits: 28,
  setNoNewPrivs: 38,
  capAmbient: 47,
};
const SECBIT_NO_SETUID_FIXUP = 4;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;
const CAPABILITY_VERSION_3 = 0x20080522;
const KEYCTL_JOIN_SESSION_KEYRING = 1;
const CLOSE_RANGE_CLOEXEC = 4;
const SECCOMP_SET_MODE_FILTER = 1;
const SIG_SETMASK = 2;
const LAST_SIGNAL = 64;
const [SIGKILL, SIGSTOP] = [9, 19];
/** The size of the kernel's sigset_t: bytes. */
const SIGSET_SIZE = 8;
/** The result of a call that failed with this errno. */
const EINVAL = -22;
const UNLIMITED = 0xffff_ffff_ffff_ffffn;

// Calls without a result are delayed and performed with the next call that has one (`Stub.later`), which throws their
// errors.

/**
 * Has the kernel kill the stub when its parent dies. A change of credentials clears this, so it is set after the last
 * one. prctl(2)
 * @throws SYSTEM_CALL
 */
export function dieWithParent(stub: Stub): void {
  stub.call('prctl', [PR.setPdeathsig, SIGKILL]);
}

/** As `dieWithParent`, delayed to the next call, which must come at once. */
export function dieWithParentLater(stub: Stub): void {
  stub.later({ name: 'prctl', args: [PR.setPdeathsig, SIGKILL] });
}

/**
 * Hides the stub's memory, descriptors and files in /proc from other processes, except those that may trace all
 * processes of the user namespace in which its program was executed. Each stub and its children are hidden from their
 * first instruction on. The kernel resets this at every change of IDs: where fs.suid_dumpable is 1, this call must
 * follow each of them. PR_SET_DUMPABLE(2const)
 * @throws SYSTEM_CALL
 */
export function hideFromTracers(stub: Stub): void {
  stub.later({ name: 'prctl', args: [PR.setDumpable, 0] });
}

/**
 * Undoes `hideFromTracers`, for programs of the host that open the process by its number, as the caller. Use it only
 * for a stub that is alone in its user namespace: no other process has rights over it then. ptrace(2), "Ptrace access
 * mode checking"
 * @throws SYSTEM_CALL
 */
export function showToTracers(stub: Stub): void {
  stub.call('prctl', [PR.setDumpable, 1]);
}

/** Keeps later execve(2) calls from gaining privileges. prctl(2) @throws SYSTEM_CALL */
export function forbidNewPrivileges(stub: Stub): void {
  stub.later({ name: 'prctl', args: [PR.setNoNewPrivs, 1, 0, 0, 0] });
}

/** Keeps the capabilities at the next change of user; execve(2) resets this. prctl(2) @throws SYSTEM_CALL */
export function keepCapabilities(stub: Stub): void {
  stub.later({ name: 'prctl', args: [PR.setKeepcaps, 1] });
}

/** Drops all other capabilities from the bounding set, for ever. Needs SETPCAP. prctl(2) @throws SYSTEM_CALL */
export function dropBounding(stub: Stub, keep: bigint): void {
  const dropped = Array.from({ length: 64 }, (_, number) => number).filter(
    (number) => !((keep >> BigInt(number)) & 1n),
  );
  dropped.forEach((number, index) => {
    // The kernel does not know this capability, nor the higher ones.
    const expected = { result: EINVAL, skip: dropped.length - index - 1 };
    stub.later({ name: 'prctl', args: [PR.capbsetDrop, number, 0, 0, 0], expected, where: 'PR_CAPBSET_DROP' });
  });
}

/** The call that sets the permitted and effective capabilities. capset(2) */
export function capabilitiesCall(mask: bigint): Call {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(CAPABILITY_VERSION_3, 0);
  const data = Buffer.alloc(24);
  for (const half of [0, 1]) {
    const bits = Number((mask >> BigInt(32 * half)) & 0xffff_ffffn);
    data.writeUInt32LE(bits, 12 * half);
    data.writeUInt32LE(bits, 12 * half + 4);
  }
  return { name: 'capset', args: [header, data] };
}

/**
 * Sets the permitted and effective capabilities; the inheritable and ambient ones become empty. capset(2) @throws
 * SYSTEM_CALL
 */
export function setCapabilities(stub: Stub, mask: bigint): void {
  stub.later({ name: 'prctl', args: [PR.capAmbient, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0] });
  stub.later(capabilitiesCall(mask));
}

/** Sets the real, effective and saved IDs, the group's before the user's. setresuid(2) @throws SYSTEM_CALL */
export function setIds(stub: Stub, uid: number, gid: number): void {
  stub.later({ name: 'setresgid', args: [gid, gid, gid] });
  stub.later({ name: 'setresuid', args: [uid, uid, uid] });
  hideFromTracers(stub);
}

/**
 * Sets the IDs that own the files that it makes and the overlays that it mounts from here on; its capabilities stay.
 * setfsuid(2), capabilities(7), "securebits" @throws SYSTEM_CALL
 */
export function setFileIds(stub: Stub, uid: number, gid: number): void {
  stub.later({ name: 'prctl', args: [PR.setSecurebits, SECBIT_NO_SETUID_FIXUP] });
  // These calls return the previous ID, and never an error.
  stub.later({ name: 'setfsgid', args: [gid] });
  stub.later({ name: 'setfsuid', args: [uid] });
  hideFromTracers(stub);
  stub.later({ name: 'prctl', args: [PR.setSecurebits, 0] });
}

/** Sets the supplementary groups. setgroups(2) @throws SYSTEM_CALL */
export function setGroups(stub: Stub, groups: readonly number[]): void {
  const list = Buffer.alloc(groups.length * 4);
  groups.forEach((group, index) => {
    list.writeUInt32LE(group, index * 4);
  });
  stub.later({ name: 'setgroups', args: [groups.length, list] });
}

/**
 * Joins a new session keyring, so that the command does not get the caller's keys. Missing support and full quotas are
 * ignored.
 */
export function leaveSessionKeyring(stub: Stub): void {
  stub.attempt([{ name: 'keyctl', args: [KEYCTL_JOIN_SESSION_KEYRING, null] }]);
}

/** Starts a session without a controlling terminal. setsid(2) @throws SYSTEM_CALL */
export function startSession(stub: Stub): void {
  stub.later({ name: 'setsid', args: [] });
}

/** Sets the umask. umask(2) @throws LAUNCH_FAILED */
export function setUmask(stub: Stub, mask: number): void {
  stub.later({ name: 'umask', args: [mask] });
}

/**
 * Resets all signals to their defaults and unblocks them: otherwise the command inherits those of tsimg's parent.
 * @throws SYSTEM_CALL
 */
export function resetSignals(stub: Stub): void {
  const action = Buffer.alloc(32);
  for (let number = 1; number <= LAST_SIGNAL; number += 1) {
    if (number === SIGKILL || number === SIGSTOP) continue;
    stub.later({ name: 'rt_sigaction', args: [number, action, null, SIGSET_SIZE] });
  }
  stub.later({ name: 'rt_sigprocmask', args: [SIG_SETMASK, Buffer.alloc(SIGSET_SIZE), null, SIGSET_SIZE] });
}

/**
 * Copies a descriptor to the number `to`; the copy stays open over execve(2). dup3(2), which refuses equal numbers
 * @throws SYSTEM_CALL
 */
export function duplicateOnto(stub: Stub, from: number, to: number): void {
  stub.later({ name: 'dup3', args: [from, to, 0] });
}

/** Closes descriptors 0, 1 and 2. close_range(2) @throws SYSTEM_CALL */
export function closeStandard(stub: Stub): void {
  stub.later({ name: 'close_range', args: [0, 2, 0] });
}

/** Marks all descriptors from `first` on close-on-exec. @throws SYSTEM_CALL */
export function closeOnExecFrom(stub: Stub, first: number): void {
  stub.later({ name: 'close_range', args: [first, 0xffff_ffff, CLOSE_RANGE_CLOEXEC] });
}

function limitBits(value: LimitValue): bigint {
  return value === 'unlimited' ? UNLIMITED : BigInt(value);
}

/** A resource limit. */
export interface Limit {
  readonly resource: Resource;
  readonly soft: LimitValue;
  readonly hard: LimitValue | 'keep';
}

/** Reads limits: two numbers of 8 bytes each. prlimit(2) @throws SYSTEM_CALL */
function readLimits(stub: Stub, resources: readonly Resource[]): readonly Buffer[] {
  const limits = resources.map(() => Buffer.alloc(16));
  const outcome = stub.attempt(
    resources.map((resource, index): Call => {
      const receive = limits[index] ?? Buffer.alloc(16);
      return { name: 'prlimit64', args: [0, RESOURCES[resource], null, { receive }] };
    }),
  );
  if (outcome === undefined) throw stubIsGone();
  if (outcome.result < 0) throw callError('prlimit64', outcome.result, resources[outcome.call]);
  return limits;
}

/** Raises a hard limit for a later `setLimits`, which may lack the right to raise it. prlimit(2) @throws SYSTEM_CALL */
export function makeRoomForLimit(stub: Stub, { resource, hard }: Limit, explain: LaterCall['explain']): void {
  if (hard === 'keep') return;
  const [limit = Buffer.alloc(16)] = readLimits(stub, [resource]);
  if (limitBits(hard) <= limit.readBigUInt64LE(8)) return;
  limit.writeBigUInt64LE(limitBits(hard), 8);
  stub.later({ name: 'prlimit64', args: [0, RESOURCES[resource], limit, null], where: resource, explain });
}

/**
 * Sets limits; `keep` leaves the hard one and never raises the soft one above it. prlimit(2)
 * @throws SYSTEM_CALL, or the error that `explain` returns
 */
export function setLimits(stub: Stub, limits: readonly Limit[], explain: (limit: Limit) => LaterCall['explain']): void {
  if (limits.length === 0) return;
  const current = readLimits(
    stub,
    limits.map(({ resource }) => resource),
  );
  limits.forEach((wanted, index) => {
    const { resource, soft, hard } = wanted;
    const limit = current[index] ?? Buffer.alloc(16);
    if (hard !== 'keep') limit.writeBigUInt64LE(limitBits(hard), 8);
    const top = limit.readBigUInt64LE(8);
    if (limitBits(soft) < top) limit.writeBigUInt64LE(limitBits(soft), 0);
    else limit.writeBigUInt64LE(top, 0);
    const args = [0, RESOURCES[resource], limit, null];
    stub.later({ name: 'prlimit64', args, where: resource, explain: explain(wanted) });
  });
}

/**
 * The call that installs a seccomp filter of BPF instructions, 8 bytes each. Needs no_new_privs or SYS_ADMIN.
 * seccomp(2)
 */
export function filterCall(filter: Uint8Array): Call {
  // struct sock_fprog: a count and a pointer.
  return { name: 'seccomp', args: [SECCOMP_SET_MODE_FILTER, 0, [filter.length / 8, filter]] };
}

/** The call by which a stub becomes another program. execve(2) */
export function executeCall(path: string, args: readonly string[], env: readonly string[]): Call {
  return { name: 'execve', args: [path, [...args, null], [...env, null]] };
}

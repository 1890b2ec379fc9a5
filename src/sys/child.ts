import { TsimgError } from '../errors.ts';
import { CHILD_CODE } from './child-code.data.ts';
import { ERRNO_NAMES } from './errno.data.ts';
import { loadKoffi } from './koffi.ts';
import { bind, checked } from './libc.ts';

const mmapCall = bind<[null, number, number, number, number, number]>(
  'int64_t mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)',
);
const munmapCall = bind<[number, number]>('int munmap(int64_t address, size_t length)');
const mprotectCall = bind<[number, number, number]>('int mprotect(int64_t address, size_t length, int protection)');
const sigprocmaskCall = bind<[number, Buffer, Buffer | null]>('int sigprocmask(int how, void *set, void *old)');
const waitpidCall = bind<[number, Buffer, number]>('int waitpid(int pid, void *status, int options)');

const PROT = { read: 1, write: 2, execute: 4 };
const MAP_PRIVATE_ANONYMOUS = 0x22;
const CLONE = { vm: 0x100, vfork: 0x4000 };
const SIGCHLD = 17;
const SIG_SETMASK = 2;
const PAGE = 65536;
const EXIT_GROUP = process.arch === 'arm64' ? 94 : 231;
/** Eight words: child-code.data.ts. */
const CALL_SIZE = 64;
/** What no system call returns: the place of a result that never came. */
const PENDING = -(2n ** 63n);
const EVERY_ERRNO = 2n ** 64n - 1n;

/** What a system call takes: a number, or the address of bytes, or of a list of such words. */
export type Word = number | bigint | Uint8Array | readonly Word[];

/** A system call that a child makes. */
export interface ChildCall {
  /** For messages. */
  readonly name: string;
  readonly number: number;
  /** At most five. */
  readonly args: readonly Word[];
  /** Errors, by their errno's names, after which the child goes on with the next call all the same. */
  readonly tolerate?: readonly string[] | 'all' | undefined;
}

/** How starting a child went. */
export type ChildStart =
  /** It has become what the last call, an execve, named, or was killed on the way. */
  | { readonly kind: 'started'; readonly pid: number }
  /** Nobody is there; `failed` are all calls that failed, in their order. One that was not tolerated is the last. */
  | {
      readonly kind: 'failed';
      readonly failed: readonly { readonly call: ChildCall; readonly errno: string; readonly tolerated: boolean }[];
    };

function sizeOf(word: Word): number {
  if (typeof word === 'number' || typeof word === 'bigint') return 0;
  if (word instanceof Uint8Array) return Math.ceil(word.length / 8) * 8;
  return word.length * 8 + word.reduce<number>((sum, each) => sum + sizeOf(each), 0);
}

/** Lays words out one after the other; the result is what to put where the word stands. */
function layOut(word: Word, memory: Buffer, base: number, place: { next: number }): bigint {
  if (typeof word === 'number' || typeof word === 'bigint') return BigInt.asUintN(64, BigInt(word));
  const at = place.next;
  if (word instanceof Uint8Array) {
    memory.set(word, at);
    place.next += sizeOf(word);
  } else {
    place.next += word.length * 8;
    word.forEach((each, index) => {
      memory.writeBigUInt64LE(layOut(each, memory, base, place), at + index * 8);
    });
  }
  return BigInt(base + at);
}

function toleranceOf({ tolerate = [] }: ChildCall): bigint {
  if (tolerate === 'all') return EVERY_ERRNO;
  const numbers = Object.entries(ERRNO_NAMES).filter(([, name]) => tolerate.includes(name));
  return numbers.reduce((mask, [number]) => mask | (1n << BigInt(number)), 0n);
}

function isTolerated({ call, result }: { readonly call: ChildCall; readonly result: bigint }): boolean {
  return ((toleranceOf(call) >> -result) & 1n) === 1n;
}

/** Memory of our own, outside of Node's, which moves what it has. */
function mapMemory(size: number): Disposable & { readonly base: number; readonly bytes: Buffer } {
  const base = checked(mmapCall(null, size, PROT.read | PROT.write, MAP_PRIVATE_ANONYMOUS, -1, 0), 'mmap');
  return {
    base,
    bytes: Buffer.from(loadKoffi().view(BigInt(base), size)),
    [Symbol.dispose]: () => void munmapCall(base, size),
  };
}

function reap(pid: number): number {
  const status = Buffer.alloc(4);
  checked(waitpidCall(pid, status, 0), 'waitpid', String(pid));
  return status.readInt32LE(0);
}

/**
 * Starts a process that makes these system calls, the last of them execve, and tells whether it came to that. All that is done to
 * it (user, capabilities, system call filter, limits) is done to it alone, unlike with fork(2), which Node does not survive: V8
 * keeps its memory from children. The caller waits meanwhile (CLONE_VFORK), and no signal is delivered, for the two share
 * their memory; the child must unblock them itself. clone(2).
 * @throws SYSTEM_CALL
 */
export function startChild(calls: readonly ChildCall[]): ChildStart {
  const size = calls.reduce((sum, { args }) => sum + CALL_SIZE + sizeOf(args), CALL_SIZE);
  using memory = mapMemory(Math.ceil(size / PAGE) * PAGE);
  using code = mapMemory(PAGE);
  code.bytes.set(CHILD_CODE);
  checked(mprotectCall(code.base, PAGE, PROT.read | PROT.execute), 'mprotect');
  const end = calls.length * CALL_SIZE;
  memory.bytes.writeBigUInt64LE(BigInt(EXIT_GROUP), end);
  const place = { next: end + CALL_SIZE };
  calls.forEach((call, index) => {
    const at = index * CALL_SIZE;
    memory.bytes.writeBigUInt64LE(BigInt(call.number), at);
    call.args.forEach((word, position) => {
      memory.bytes.writeBigUInt64LE(layOut(word, memory.bytes, memory.base, place), at + 8 + position * 8);
    });
    memory.bytes.writeBigUInt64LE(toleranceOf(call), at + 48);
    memory.bytes.writeBigInt64LE(PENDING, at + 56);
  });
  const mask = Buffer.alloc(128);
  checked(sigprocmaskCall(SIG_SETMASK, Buffer.alloc(128, 0xff), mask), 'sigprocmask');
  const koffi = loadKoffi();
  const type = koffi.proto(null, 'int64_t', ['int64_t', 'int64_t']);
  const pid: number = koffi.call(BigInt(code.base), type, memory.base, CLONE.vm | CLONE.vfork | SIGCHLD);
  sigprocmaskCall(SIG_SETMASK, mask, null);
  if (pid < 0) {
    const errno = ERRNO_NAMES[-pid] ?? `errno ${-pid}`;
    throw new TsimgError('SYSTEM_CALL', 'clone failed', { why: errno, facts: { call: 'clone', errno } });
  }
  const results = calls.map((call, index) => ({ call, result: memory.bytes.readBigInt64LE(index * CALL_SIZE + 56) }));
  const failed = results
    .filter(({ result }) => result < 0n && result !== PENDING)
    .map(({ call, result }) => {
      const errno = ERRNO_NAMES[Number(-result)] ?? `errno ${-result}`;
      return { call, errno, tolerated: isTolerated({ call, result }) };
    });
  const reached = results.findIndex(({ result }) => result === PENDING);
  const before = results[reached - 1];
  if (reached !== -1 && (before === undefined || before.result >= 0n || isTolerated(before))) {
    return { kind: 'started', pid };
  }
  reap(pid);
  return { kind: 'failed', failed };
}

/** Waits for a child's end: its exit status as a shell would tell it, 128 and the signal that killed it. waitpid(2). @throws SYSTEM_CALL */
export function awaitChild(pid: number): number {
  const status = reap(pid);
  const signal = status & 0x7f;
  return signal === 0 ? (status >> 8) & 0xff : 128 + signal;
}

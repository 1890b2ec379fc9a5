import { loadKoffi } from '../koffi.ts';
import { bind } from '../libc.ts';
import { CALL_NUMBERS } from './call-number.data.ts';
import type { Argument, Call } from './request.ts';
import { callError, type Outcome, type Performed, type Stub } from './stub.ts';

const F_DUPFD_CLOEXEC = 1030;

const NUMBERS = CALL_NUMBERS[process.arch === 'arm64' ? 'arm64' : 'x64'];

type Plain = number | bigint | string | Uint8Array | null;
type Syscall = (...args: readonly Plain[]) => number;

/** syscall(2) by the types of its arguments: koffi needs a function for each. */
const variants = new Map<string, Syscall>();

/** An argument for koffi: buffers are passed by their addresses. @param made the results of the calls so far */
function plain(argument: Argument, made: ReadonlyMap<Call, number>): Plain {
  if (argument === null || typeof argument !== 'object' || argument instanceof Uint8Array) return argument;
  if ('resultOf' in argument) return made.get(argument.resultOf) ?? -1;
  if ('receive' in argument) return argument.receive;
  if ('exchange' in argument) return argument.exchange;
  throw new RangeError('lists of pointers are for stubs with memory of their own');
}

function make({ name, args }: Call, made: ReadonlyMap<Call, number> = new Map()): number {
  const values = args.map((argument) => plain(argument, made));
  const kinds = values.map((value) => {
    if (typeof value === 'number' || typeof value === 'bigint') return 'int64_t';
    return typeof value === 'string' ? 'const char *' : 'void *';
  });
  const prototype = `long syscall(long, ${kinds.join(', ')})`;
  const call: Syscall = variants.get(prototype) ?? bind<readonly Plain[]>(prototype);
  variants.set(prototype, call);
  const result = call(NUMBERS[name], ...values);
  return result < 0 ? -loadKoffi().errno() : result;
}

/**
 * Returns a stub that is this process itself, by koffi. It is for processes with namespaces of their own. Descriptors
 * are this process's, and calls affect the calling thread.
 */
export function openOwnStub(): Stub {
  const perform = (calls: readonly Call[]): Performed => {
    const made = new Map<Call, number>();
    let outcome: Outcome = { call: -1, result: 0 };
    for (let index = 0; index < calls.length; index += 1) {
      const call = calls[index];
      if (call === undefined) break;
      const result = make(call, made);
      made.set(call, result);
      outcome = { call: index, result };
      if (call.expected?.result === result) index += call.expected.skip;
      else if (result < 0) break;
    }
    return { ...outcome, results: calls.map((call) => made.get(call)) };
  };
  const attempt = (calls: readonly Call[]): Outcome => perform(calls);
  /** Delayed calls that are left out after an expected result. */
  let skipped = 0;
  return {
    pid: process.pid,
    descriptors: { input: -1, output: -1 },
    attempt,
    perform,
    call(name, args, where) {
      const { result } = attempt([{ name, args }]);
      if (result < 0) throw callError(name, result, where);
      return result;
    },
    later(call) {
      if (skipped > 0) {
        skipped -= 1;
        return;
      }
      const result = make(call);
      const isExpected = result === call.expected?.result;
      if (isExpected) skipped = call.expected.skip;
      if (isExpected || result >= 0) return;
      const error = callError(call.name, result, call.where);
      throw call.explain?.(error) ?? error;
    },
    take(fd) {
      return this.call('fcntl', [fd, F_DUPFD_CLOEXEC, 0]);
    },
    failure: undefined,
    await: async (call) => attempt([call]),
    close() {},
  };
}

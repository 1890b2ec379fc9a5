import { loadKoffi } from '../koffi.ts';
import { bind } from '../libc.ts';
import { CALL_NUMBERS } from './call-number.data.ts';
import type { Argument, Call } from './request.ts';
import { callError, type Outcome, type Stub } from './stub.ts';

const F_DUPFD_CLOEXEC = 1030;

const NUMBERS = CALL_NUMBERS[process.arch === 'arm64' ? 'arm64' : 'x64'];

type Plain = number | bigint | string | Uint8Array | null;
type Syscall = (...args: readonly Plain[]) => number;

/** syscall(2) by the types of its arguments: koffi needs a function for each. */
const variants = new Map<string, Syscall>();

/** An argument for koffi: buffers are passed by their addresses. */
function plain(argument: Argument): Plain {
  if (argument === null || typeof argument !== 'object' || argument instanceof Uint8Array) return argument;
  if ('receive' in argument) return argument.receive;
  if ('exchange' in argument) return argument.exchange;
  throw new RangeError('lists of pointers are for stubs with memory of their own');
}

function perform({ name, args }: Call): number {
  const values = args.map(plain);
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
  const attempt = (calls: readonly Call[]): Outcome => {
    let outcome: Outcome = { call: -1, result: 0 };
    for (const [index, call] of calls.entries()) {
      outcome = { call: index, result: perform(call) };
      if (outcome.result < 0) break;
    }
    return outcome;
  };
  return {
    pid: process.pid,
    descriptors: { input: -1, output: -1 },
    attempt,
    call(name, args, where) {
      const { result } = attempt([{ name, args }]);
      if (result < 0) throw callError(name, result, where);
      return result;
    },
    later(call) {
      const result = perform(call);
      if (result >= 0) return;
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

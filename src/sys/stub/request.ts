import { TsimgError } from '../../errors.ts';
import { CALL_NUMBERS, type CallName } from './call-number.data.ts';
import { ANSWER_SIZE, CALL, FIRST_CALL, MEMORY, MEMORY_SIZE } from './layout.ts';

/**
 * Memory that the call writes to; that of `exchange` also has a content before. The buffer gets the content afterwards.
 */
export type Memory = { readonly receive: Buffer } | { readonly exchange: Buffer };

/**
 * An argument of a system call: a number, or data in the stub's memory, by its address. A string gets a final NUL; an
 * array is a list of arguments.
 */
export type Argument = number | bigint | null | string | Uint8Array | Memory | readonly Argument[];

export interface Call {
  readonly name: CallName;
  /** At most six arguments, of which one may be `Memory`. */
  readonly args: readonly Argument[];
}

/** The descriptors by which a stub gets requests and sends answers. */
export interface StubDescriptors {
  readonly input: number;
  readonly output: number;
}

export interface EncodedRequest {
  readonly bytes: Buffer;
  /** The buffers that answers fill, by the number of the call. */
  readonly memories: readonly (Buffer | undefined)[];
}

const NUMBERS = CALL_NUMBERS[process.arch === 'arm64' ? 'arm64' : 'x64'];

function aligned(size: number): number {
  return (size + 7) & ~7;
}

function isList(argument: Argument): argument is readonly Argument[] {
  return Array.isArray(argument);
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/**
 * Writes a number as 64 bits, two's complement. It uses no BigInt: a launch has thousands of numbers, and each would be
 * garbage.
 */
function putWord(view: DataView, offset: number, value: number | bigint): void {
  if (typeof value === 'bigint') {
    view.setBigUint64(offset, BigInt.asUintN(64, value), true);
    return;
  }
  view.setUint32(offset, value, true);
  view.setUint32(offset + 4, Math.floor(value / 2 ** 32), true);
}

/** Lays out calls and their data for a stub's memory. */
class Layout {
  readonly #laid: (readonly [offset: number, bytes: Uint8Array])[] = [];
  #end: number;
  /**
   * The end of the free memory. Buffers that are only received are placed there, downwards, and need no bytes in the
   * request.
   */
  #top = MEMORY_SIZE;

  constructor(calls: number) {
    this.#end = FIRST_CALL + calls * CALL.size;
  }

  place(bytes: Uint8Array): number {
    const offset = this.#end;
    this.#laid.push([offset, bytes]);
    this.#end = aligned(offset + bytes.length);
    return MEMORY + offset;
  }

  reserve(size: number): number {
    this.#top -= aligned(size);
    return MEMORY + this.#top;
  }

  value(argument: Argument): number | bigint {
    if (argument === null) return 0;
    if (typeof argument === 'number' || typeof argument === 'bigint') return argument;
    if (typeof argument === 'string') return this.place(Buffer.from(`${argument}\0`));
    if (argument instanceof Uint8Array) return this.place(argument);
    if (!isList(argument)) return this.memory(argument);
    const list = Buffer.alloc(argument.length * 8);
    const view = viewOf(list);
    argument.forEach((each, index) => {
      putWord(view, index * 8, this.value(each));
    });
    return this.place(list);
  }

  memory(memory: Memory): number {
    return 'receive' in memory ? this.reserve(memory.receive.length) : this.place(memory.exchange);
  }

  finish(): Buffer {
    if (this.#end > this.#top) {
      const facts = { errno: 'E2BIG' };
      throw new TsimgError('SYSTEM_CALL', 'too much for one system call', { why: 'E2BIG', facts });
    }
    const bytes = Buffer.alloc(this.#end);
    putWord(viewOf(bytes), 0, this.#end);
    for (const [offset, laid] of this.#laid) bytes.set(laid, offset);
    return bytes;
  }
}

function memoryOf(argument: Argument): Buffer | undefined {
  if (argument === null || typeof argument !== 'object' || argument instanceof Uint8Array || isList(argument)) {
    return undefined;
  }
  return 'receive' in argument ? argument.receive : argument.exchange;
}

/**
 * Encodes calls that a stub makes one after the other until one fails. After a call that returns 0 it uses the
 * descriptors `own`, after the last one `then`.
 *
 * @throws SYSTEM_CALL with errno E2BIG when they do not fit in its memory
 */
export function encodeRequest(calls: readonly Call[], own: StubDescriptors, then = own): EncodedRequest {
  const layout = new Layout(calls.length);
  const values = calls.map(({ args }) => args.map((argument) => layout.value(argument)));
  const bytes = layout.finish();
  const view = viewOf(bytes);
  const memories = calls.map(({ args }) => args.map(memoryOf).find((memory) => memory !== undefined));
  calls.forEach(({ name, args }, index) => {
    const call = FIRST_CALL + index * CALL.size;
    const put = (offset: number, value: bigint | number) => putWord(view, call + offset, value);
    put(CALL.number, NUMBERS[name]);
    values[index]?.forEach((value, position) => {
      put(CALL.arguments + position * 8, value);
    });
    put(CALL.tag, index);
    const { input, output } = index + 1 < calls.length ? own : then;
    view.setUint32(call + CALL.input, input, true);
    view.setUint32(call + CALL.output, output, true);
    put(CALL.next, index + 1 < calls.length ? MEMORY + call + CALL.size : 0);
    put(CALL.ranges, MEMORY + call + CALL.result);
    put(CALL.ranges + 8, ANSWER_SIZE);
    const pointer = args.findIndex((argument) => memoryOf(argument) !== undefined);
    put(CALL.ranges + 16, values[index]?.[pointer] ?? 0);
    put(CALL.ranges + 24, memories[index]?.length ?? 0);
  });
  return { bytes, memories };
}

import { TsimgError } from '../../errors.ts';
import { CALL_NUMBERS, type CallName } from './call-number.data.ts';
import { ANSWER_SIZE, CALL, FIRST_CALL, MEMORY, MEMORY_SIZE, NO_RESULT } from './layout.ts';

/**
 * Memory that the call writes to; that of `exchange` also has a content before. The buffer gets the content afterwards.
 */
export type Memory = { readonly receive: Buffer } | { readonly exchange: Buffer };

/** The result of an earlier call of the same request, which the stub puts in the place of the argument. */
export interface ResultOf {
  readonly resultOf: Call;
}

/**
 * An argument of a system call: a number, or data in the stub's memory, by its address. A string gets a final NUL; an
 * array is a list of arguments, none of which is a result.
 */
export type Argument = number | bigint | null | string | Uint8Array | Memory | ResultOf | readonly Argument[];

export interface Call {
  readonly name: CallName;
  /** At most six arguments, of which one may be `Memory`. */
  readonly args: readonly Argument[];
  /**
   * If the call returns `result`, the next `skip` calls are left out. An expected errno (negative) is no failure.
   */
  readonly expected?: { readonly result: number; readonly skip: number } | undefined;
  /** The descriptors by which the stub gets requests and answers them after this call returns 0; its own when absent. */
  readonly turnTo?: StubDescriptors | undefined;
}

/** The descriptors by which a stub gets requests and sends answers. */
export interface StubDescriptors {
  readonly input: number;
  readonly output: number;
}

export interface EncodedRequest {
  readonly bytes: Buffer;
  /** The buffers of `exchange`, by the number of the call: that of the last call is in the answer. */
  readonly exchanged: readonly (Buffer | undefined)[];
  /** The size of all other memory that the calls write to, which ends every answer: bytes. */
  readonly area: number;
  /** The buffers that it fills, and where each begins in it. */
  readonly received: readonly (readonly [offset: number, buffer: Buffer])[];
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
   * request. They are one area, which is in the answer.
   */
  #top = MEMORY_SIZE;
  readonly #received: (readonly [at: number, buffer: Buffer])[] = [];

  constructor(calls: number) {
    this.#end = FIRST_CALL + calls * CALL.size;
  }

  place(bytes: Uint8Array): number {
    const offset = this.#end;
    this.#laid.push([offset, bytes]);
    this.#end = aligned(offset + bytes.length);
    return MEMORY + offset;
  }

  reserve(buffer: Buffer): number {
    this.#top -= aligned(buffer.length);
    this.#received.push([this.#top, buffer]);
    return MEMORY + this.#top;
  }

  get top(): number {
    return this.#top;
  }

  get received(): EncodedRequest['received'] {
    return this.#received.map(([at, buffer]) => [at - this.#top, buffer]);
  }

  value(argument: Argument): number | bigint {
    if (argument === null) return 0;
    if (typeof argument === 'number' || typeof argument === 'bigint') return argument;
    if (typeof argument === 'string') return this.place(Buffer.from(`${argument}\0`));
    if (argument instanceof Uint8Array) return this.place(argument);
    if ('resultOf' in argument) return 0;
    if (!isList(argument)) return this.memory(argument);
    const list = Buffer.alloc(argument.length * 8);
    const view = viewOf(list);
    argument.forEach((each, index) => {
      putWord(view, index * 8, this.value(each));
    });
    return this.place(list);
  }

  memory(memory: Memory): number {
    return 'receive' in memory ? this.reserve(memory.receive) : this.place(memory.exchange);
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

function isResult(argument: Argument | undefined): argument is ResultOf {
  return typeof argument === 'object' && argument !== null && 'resultOf' in argument;
}

function exchangeOf(argument: Argument): Buffer | undefined {
  if (argument === null || typeof argument !== 'object' || argument instanceof Uint8Array) return undefined;
  return 'exchange' in argument ? argument.exchange : undefined;
}

/** The addresses at which calls need the results of earlier ones, by the number of the earlier one. */
function storesOf(calls: readonly Call[]): ReadonlyMap<number, number[]> {
  const numbers = new Map(calls.map((call, index) => [call, index]));
  const stores = new Map<number, number[]>();
  calls.forEach(({ args }, index) => {
    args.forEach((argument, position) => {
      if (!isResult(argument)) return;
      const of = numbers.get(argument.resultOf);
      if (of === undefined || of >= index) throw new RangeError('the result of a call that comes later, or never');
      const address = MEMORY + FIRST_CALL + index * CALL.size + CALL.arguments + position * 8;
      stores.set(of, [...(stores.get(of) ?? []), address]);
    });
  });
  return stores;
}

/**
 * Encodes calls that a stub makes one after the other until one fails.
 * @param own the descriptors that the stub uses
 * @param results gets the result of each call that was made: 8 bytes each
 *
 * @throws SYSTEM_CALL with errno E2BIG when they do not fit in its memory
 */
export function encodeRequest(calls: readonly Call[], own: StubDescriptors, results?: Buffer): EncodedRequest {
  const layout = new Layout(calls.length);
  const values = calls.map(({ args }) => args.map((argument) => layout.value(argument)));
  const table = results === undefined ? undefined : layout.reserve(results);
  const needed = storesOf(calls);
  const lists = calls.map((_, index) => {
    const all = [...(needed.get(index) ?? []), ...(table === undefined ? [] : [table + index * 8])];
    return all.length === 0 ? 0 : layout.value([...all, 0]);
  });
  const bytes = layout.finish();
  const view = viewOf(bytes);
  const area = MEMORY_SIZE - layout.top;
  const exchanged = calls.map(({ args }) => args.map(exchangeOf).find((memory) => memory !== undefined));
  calls.forEach(({ name, args, expected, turnTo = own }, index) => {
    const call = FIRST_CALL + index * CALL.size;
    const put = (offset: number, value: bigint | number) => putWord(view, call + offset, value);
    const addressOf = (number: number) => (number < calls.length ? MEMORY + FIRST_CALL + number * CALL.size : 0);
    put(CALL.number, NUMBERS[name]);
    values[index]?.forEach((value, position) => {
      put(CALL.arguments + position * 8, value);
    });
    put(CALL.tag, index);
    view.setUint32(call + CALL.input, turnTo.input, true);
    view.setUint32(call + CALL.output, turnTo.output, true);
    put(CALL.next, addressOf(index + 1));
    put(CALL.ranges, MEMORY + call + CALL.result);
    put(CALL.ranges + 8, ANSWER_SIZE);
    const pointer = args.findIndex((argument) => exchangeOf(argument) !== undefined);
    put(CALL.ranges + 16, values[index]?.[pointer] ?? 0);
    put(CALL.ranges + 24, exchanged[index]?.length ?? 0);
    put(CALL.ranges + 32, MEMORY + layout.top);
    put(CALL.ranges + 40, area);
    put(CALL.stores, lists[index] ?? 0);
    put(CALL.expected, expected?.result ?? NO_RESULT);
    put(CALL.otherwise, expected === undefined ? 0 : addressOf(index + 1 + expected.skip));
  });
  return { bytes, exchanged, area, received: layout.received };
}

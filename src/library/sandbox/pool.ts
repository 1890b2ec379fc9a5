import { TsimgError, throwAll } from '../../errors.ts';
import { checkWhole } from '../options/check-number.ts';
import { checkArguments, checkOptions } from '../options/check-options.ts';
import { createSandbox } from './create-sandbox.ts';
import type { Sandbox } from './sandbox.ts';
import { SANDBOX_CHECKS } from './sandbox-checks.ts';
import type { SandboxOptions } from './sandbox-options.ts';

/** How many sandboxes a pool keeps. */
export interface SandboxPoolOptions {
  /** Sandboxes that are ready and given to nobody. Default 4. */
  readonly size?: number | undefined;
}

const SIZE = 4;
/** Milliseconds from a take until the next sandbox is made. */
const REFILL_DELAY = 25;
/** Failures one after the other until a pool makes no more before the next `take`. */
const PATIENCE = 3;

/**
 * Sandboxes that are ready: the first process of each has done all steps and waits right before it becomes the command.
 * Each is given out once, and is its user's to close. Made by {@link createSandboxPool}.
 */
export class SandboxPool implements AsyncDisposable {
  readonly #make: () => Promise<Sandbox>;
  readonly #size: number;
  readonly #ready: Sandbox[] = [];
  readonly #making = new Set<Promise<void>>();
  #failures = 0;
  #isClosed = false;

  /** Use {@link createSandboxPool}. */
  constructor(make: () => Promise<Sandbox>, size: number) {
    this.#make = make;
    this.#size = size;
  }

  /** The number of sandboxes that are ready. */
  get ready(): number {
    return this.#ready.length;
  }

  /**
   * Returns a sandbox, which the caller closes: one that is ready, else a new one. The pool makes another one
   * meanwhile.
   * @throws as {@link createSandbox}; CONTAINER_STATE after `close`
   */
  async take(): Promise<Sandbox> {
    this.#checkOpen();
    const box = this.#ready.shift();
    // What failed before may be over: one more is tried with each that is taken.
    this.#failures = Math.min(this.#failures, PATIENCE - 1);
    // The caller's command comes first: to make a sandbox keeps this thread busy for as long as a short command takes.
    setTimeout(() => this.#fill(), REFILL_DELAY).unref();
    return box ?? (await this.#make());
  }

  /** Waits until the pool is full. @throws as {@link createSandbox}; CONTAINER_STATE where it is closed */
  async fill(): Promise<void> {
    this.#checkOpen();
    this.#failures = 0;
    this.#fill();
    let failure: unknown;
    for (const each of [...this.#making]) await each.catch((error) => (failure ??= error));
    if (failure !== undefined) throw failure;
    this.#checkOpen();
  }

  /** Closes the sandboxes that are ready; those that were taken stay. @throws the failures, when all were tried */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#making);
    const closed = await Promise.allSettled(this.#ready.splice(0).map((box) => box.close()));
    throwAll(closed.flatMap((each) => (each.status === 'rejected' ? [each.reason] : [])));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new TsimgError('CONTAINER_STATE', 'the pool of sandboxes is closed');
  }

  #fill(): void {
    while (!this.#isClosed && this.#failures < PATIENCE && this.#ready.length + this.#making.size < this.#size) {
      const making = this.#make().then(
        (box) => {
          this.#failures = 0;
          this.#ready.push(box);
        },
        (error: unknown) => {
          this.#failures += 1;
          throw error;
        },
      );
      this.#making.add(making);
      // `take` makes its own where none is ready, and tells why that fails.
      making.catch(() => {}).finally(() => this.#making.delete(making));
    }
  }
}

/**
 * Makes a pool of sandboxes with the same options; resolves when it is full.
 * @throws as {@link createSandbox}
 * @example
 * await using pool = await createSandboxPool('alpine:3.20', { memory: '64m' }, { size: 8 });
 * await using box = await pool.take();
 */
export async function createSandboxPool(
  source: string,
  options: SandboxOptions = {},
  pooling: SandboxPoolOptions = {},
): Promise<SandboxPool> {
  checkArguments(source, []);
  checkOptions('createSandboxPool', options, SANDBOX_CHECKS);
  checkOptions<SandboxPoolOptions>('createSandboxPool', pooling, {
    size: (_, size) => checkWhole('size', size, { least: 1 }),
  });
  const { size = SIZE } = pooling;
  const pool = new SandboxPool(() => createSandbox(source, options), size);
  try {
    await pool.fill();
    return pool;
  } catch (error) {
    await pool.close().catch(() => {});
    throw error;
  }
}

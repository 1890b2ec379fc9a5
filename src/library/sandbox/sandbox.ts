import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { TsimgError } from '../../errors.ts';
import type { OnEvent } from '../../events.ts';
import { type BoxEntry, listBoxFiles, readBoxFile, writeBoxFile } from '../../host/box/box-files.ts';
import { type ScratchBounds, unmountScratch } from '../../host/box/scratch.ts';
import { CONTAINER_NAME } from '../../store-layout.ts';
import { type PreparedContainer, retryPlain } from '../../verbs/run/prepare-container.ts';
import { checkCommand, checkOptions, object } from '../options/check-options.ts';
import { copyWithin, keptPath } from './box-copy.ts';
import { type BoxLaunch, prepareLaunch } from './box-launch.ts';
import { commandOf, runInBox } from './box-run.ts';
import type { EgressOptions } from './egress/egress-proxy.ts';
import type { SharedHolder } from './holders.ts';
import { COPY_CHECKS, checkFile, LIMIT_CHECKS, RUN_CHECKS } from './sandbox-checks.ts';
import type {
  HeldLimits,
  SandboxCopyOptions,
  SandboxResult,
  SandboxRunOptions,
  SandboxSnapshot,
} from './sandbox-options.ts';
import { LIST_LIMIT, MOST_SNAPSHOTS, READ_LIMIT, SANDBOX_HOME, scratchOf } from './sandbox-request.ts';
import { Turns } from './turns.ts';

/** What a sandbox is made of. */
export interface SandboxParts {
  readonly container: PreparedContainer;
  readonly shared: SharedHolder;
  readonly bounds: ScratchBounds;
  readonly held: HeldLimits;
  readonly egress: EgressOptions | undefined;
  /** The bounds of a run that names none. */
  readonly time: number;
  readonly output: number;
  readonly onEvent: OnEvent | undefined;
  /** Makes a sandbox with the same options and no files, which shares the holder. */
  another(shared: SharedHolder): Promise<Sandbox>;
  /** Cleans up when all else is closed. */
  leave(container: PreparedContainer): Promise<void>;
}

/**
 * A place for commands that are not trusted, made by {@link createSandbox}. Each run is a container of its own over the
 * same files: all its processes end with it, and what it wrote to /sandbox and /tmp stays for the next one. Runs of one
 * sandbox wait for each other; `fork` makes another one.
 */
export class Sandbox implements AsyncDisposable {
  /** The container's ID: 64 hexadecimal digits. */
  readonly id: string;
  /** Who holds the sandbox to its limits. */
  readonly limits: HeldLimits;
  readonly #parts: SandboxParts;
  readonly #snapshots = new Map<number, string>();
  #container: PreparedContainer;
  #launch: BoxLaunch | undefined;
  #made = 0;
  readonly #turns = new Turns();
  #closing: Promise<void> | undefined;
  /** The last run's. */
  #cleaned: Promise<unknown> | undefined;
  readonly #stopping = new AbortController();

  /** Use {@link createSandbox}. */
  constructor(parts: SandboxParts) {
    this.id = parts.container.id;
    this.limits = parts.held;
    this.#parts = parts;
    this.#container = parts.container;
  }

  /**
   * Prepares the next run, so that its command starts at once. A new sandbox is prepared already.
   * @throws LAUNCH_FAILED, HOST_UNSUPPORTED, SYSTEM_CALL; CONTAINER_STATE after `close`
   */
  prepare(): Promise<void> {
    return this.#alone(async () => {
      this.#launch ??= await this.#prepare();
    });
  }

  /**
   * Runs a command. A status that is not 0, and a limit that is reached, are no errors: the result tells them.
   * @param command the program and its arguments; no shell is involved
   * @throws USAGE, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, LAUNCH_FAILED, SYSTEM_CALL; CONTAINER_STATE after
   * `close`; the reason of `signal`
   * @example
   * const { stdout } = await box.run(['python3', '/sandbox/main.py'], { stdin: 'input', time: 5000 });
   */
  async run(command: readonly string[], options: SandboxRunOptions = {}): Promise<SandboxResult> {
    checkCommand(command, 1);
    checkOptions('run', options, RUN_CHECKS);
    return await this.#alone(() => this.#run(command, options), options.signal);
  }

  /**
   * Writes a file below /sandbox or /tmp; missing directories are made. It belongs to root of the sandbox. A link in
   * the last place is not followed.
   * @param path relative paths are in /sandbox
   * @param mode permission bits
   * @throws USAGE for another place; FILESYSTEM; LIMIT_EXCEEDED where `disk` is used up; CONTAINER_STATE
   */
  async writeFile(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
    checkFile(content, mode);
    writeBoxFile(this.#place(path), typeof content === 'string' ? Buffer.from(content) : content, mode);
  }

  /**
   * Reads a regular file below /sandbox or /tmp. Links lead nowhere but to files there.
   * @param limit the most bytes that it may have; default 16 MiB
   * @throws USAGE, FILESYSTEM, LIMIT_EXCEEDED, CONTAINER_STATE
   */
  async readFile(path: string, options: { readonly limit?: number } = {}): Promise<Buffer> {
    checkOptions('readFile', options, LIMIT_CHECKS);
    return readBoxFile(this.#place(path), options.limit ?? READ_LIMIT);
  }

  /**
   * Lists a directory below /sandbox or /tmp, by name.
   * @param limit the most entries that it may have; default 10000
   * @throws USAGE, FILESYSTEM, LIMIT_EXCEEDED, CONTAINER_STATE
   */
  async listFiles(path = SANDBOX_HOME, options: { readonly limit?: number } = {}): Promise<readonly BoxEntry[]> {
    checkOptions('listFiles', options, LIMIT_CHECKS);
    return listBoxFiles(this.#place(path), options.limit ?? LIST_LIMIT);
  }

  /**
   * Keeps a copy of all files in /sandbox and /tmp, in memory.
   * @throws LIMIT_EXCEEDED beyond 16 snapshots, after `time`, and for paths of more than 4096 bytes; USAGE,
   * LAUNCH_FAILED, HOST_UNSUPPORTED, CONTAINER_STATE; the reason of `signal`
   */
  async snapshot(options: SandboxCopyOptions = {}): Promise<SandboxSnapshot> {
    checkOptions('snapshot', options, COPY_CHECKS);
    return await this.#alone(async () => {
      if (this.#snapshots.size >= MOST_SNAPSHOTS) {
        const why = `a sandbox has ${MOST_SNAPSHOTS} at most`;
        throw new TsimgError('LIMIT_EXCEEDED', 'too many snapshots', { why, hint: 'drop one: dropSnapshot' });
      }
      this.#made += 1;
      const id = this.#made;
      const path = join(this.#container.directory, CONTAINER_NAME.snapshots, String(id));
      mkdirSync(path, { recursive: true, mode: 0o700 });
      try {
        await this.#copy(this.#scratch, path, options);
      } catch (error) {
        rmdirSync(path);
        throw error;
      }
      this.#snapshots.set(id, path);
      return { id };
    }, options.signal);
  }

  /**
   * Gives all files the state that they had. Where that fails halfway, the sandbox is closed: it has no files any more.
   * @throws USAGE for an unknown snapshot; as `snapshot`
   */
  async restore(snapshot: SandboxSnapshot, options: SandboxCopyOptions = {}): Promise<void> {
    object('snapshot', snapshot);
    checkOptions('restore', options, COPY_CHECKS);
    await this.#alone(async () => {
      const path = this.#pathOf(snapshot);
      await this.#discard();
      unmountScratch(this.#holder, this.#scratch);
      try {
        await this.#copy(path, this.#scratch, options);
      } catch (error) {
        // Not awaited: it waits for this very action. A user who calls `close` gets the same promise.
        this.close().catch(() => {});
        throw error;
      }
    }, options.signal);
  }

  /** Frees the memory of a snapshot. @throws USAGE for an unknown one */
  async dropSnapshot(snapshot: SandboxSnapshot): Promise<void> {
    object('snapshot', snapshot);
    await this.#alone(async () => {
      unmountScratch(this.#holder, this.#pathOf(snapshot));
      this.#snapshots.delete(snapshot.id);
    });
  }

  /** Makes another sandbox of the same kind, with a copy of the files. @throws as {@link createSandbox} and `snapshot` */
  async fork(options: SandboxCopyOptions = {}): Promise<Sandbox> {
    checkOptions('fork', options, COPY_CHECKS);
    return await this.#alone(async () => {
      const other = await this.#parts.another(this.#parts.shared);
      try {
        unmountScratch(this.#holder, other.#scratch);
        await this.#copy(this.#scratch, other.#scratch, options);
        await other.prepare();
        return other;
      } catch (error) {
        // A failure to close it would hide why there is none; the guardian tries once more when this process ends.
        await other.close().catch(() => {});
        throw error;
      }
    }, options.signal);
  }

  /** Ends what runs, and removes the sandbox with all its files. A second call waits for the first. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Does as `close`, under the name that a container has for it. */
  remove(): Promise<void> {
    return this.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #holder() {
    return this.#parts.shared.holder;
  }

  get #scratch(): string {
    return scratchOf(this.#container.directory);
  }

  #copy(from: string, to: string, options: SandboxCopyOptions): Promise<void> {
    const { time = this.#parts.time, signal = this.#stopping.signal } = options;
    const signals = [signal, this.#stopping.signal];
    return copyWithin(this.#holder, { from, to, time, signals }, this.#parts.bounds);
  }

  #pathOf(snapshot: SandboxSnapshot): string {
    const path = this.#snapshots.get(snapshot.id);
    if (path !== undefined) return path;
    throw new TsimgError('USAGE', 'this sandbox has no such snapshot', { where: String(snapshot.id) });
  }

  /** The place of a file. Only kept directories have one. @throws USAGE, CONTAINER_STATE */
  #place(path: string) {
    this.#checkOpen();
    return { holder: this.#holder, scratch: this.#scratch, path: keptPath(path) };
  }

  #checkOpen(): void {
    if (this.#closing === undefined) return;
    throw new TsimgError('CONTAINER_STATE', 'the sandbox is closed', { where: this.id.slice(0, 12) });
  }

  /** Has one thing done after the other. An abort of `signal` ends the wait. */
  #alone<T>(action: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#turns.take(async () => {
      this.#checkOpen();
      return await action();
    }, signal);
  }

  async #prepare(): Promise<BoxLaunch> {
    const { egress, onEvent } = this.#parts;
    // Two launches would have the same cgroups.
    await this.#cleaned;
    return await retryPlain(this.#container, { onEvent }, (container) => {
      this.#container = container;
      return prepareLaunch({ container, holder: this.#holder, egress, onEvent });
    });
  }

  async #discard(): Promise<void> {
    const launch = this.#launch;
    this.#launch = undefined;
    await launch?.discard();
  }

  async #run(command: readonly string[], options: SandboxRunOptions): Promise<SandboxResult> {
    const { time = this.#parts.time, output = this.#parts.output, stdin, signal = this.#stopping.signal } = options;
    const plan = commandOf(this.#container.plan.command, command, options);
    if (this.#launch?.isOver()) await this.#discard();
    const launch = this.#launch ?? (await this.#prepare());
    this.#launch = undefined;
    this.#cleaned = launch.cleaned;
    return await runInBox(launch, plan, { time, output, stdin, signals: [signal, this.#stopping.signal] });
  }

  async #close(): Promise<void> {
    const closed = new TsimgError('CONTAINER_STATE', 'the sandbox was closed', { where: this.id.slice(0, 12) });
    this.#stopping.abort(closed);
    await this.#turns.last;
    await this.#cleaned;
    await this.#discard();
    for (const path of [...this.#snapshots.values(), this.#scratch]) unmountScratch(this.#holder, path);
    try {
      await this.#parts.leave(this.#container);
    } finally {
      await this.#parts.shared.release();
    }
  }
}

import type { Readable, Writable } from 'node:stream';
import type { Context } from '../../events.ts';
import type { AttachEnd } from '../../host/stdio/attach-to.ts';
import type { PublishedPort } from '../../launch/network/publish.ts';
import type { Digest } from '../../oci/digest.ts';
import { pathText } from '../../rootfs/path.ts';
import { type AttachRequest, attachToContainer } from '../../verbs/attach/attach-container.ts';
import { commitContainer } from '../../verbs/changes/commit.ts';
import { containerChanges } from '../../verbs/changes/container-changes.ts';
import { copyFromContainer, copyToContainer } from '../../verbs/changes/copy-files.ts';
import { type WaitCondition, waitForCondition } from '../../verbs/life/await-condition.ts';
import { pauseContainer, unpauseContainer } from '../../verbs/life/pause-container.ts';
import { renameContainer } from '../../verbs/life/rename-container.ts';
import { killContainer, stopContainer, waitForContainer } from '../../verbs/life/signal-container.ts';
import { containerLog } from '../../verbs/look/container-logs.ts';
import type { ContainerStats } from '../../verbs/look/container-stats.ts';
import { containerTop, type ProcessTable } from '../../verbs/look/container-top.ts';
import { type InspectedContainer, inspectContainer } from '../../verbs/look/inspect-container.ts';
import type { ContainersContext } from '../../verbs/places.ts';
import { restartContainer, startEnded } from '../../verbs/run/restart-container.ts';
import { checkOptions, text, texts } from '../options/check-options.ts';
import { ATTACH_CHECKS } from '../options/run-checks.ts';
import type { CommandResult, OutputEncoding, OutputOf } from './capture.ts';
import { type ExecOptions, execCaptured, type RunningCommand, type SpawnOptions, spawnIn } from './exec.ts';
import { type LogLine, linesOf } from './log-lines.ts';
import {
  type AbortOption,
  type ChangedFile,
  type CommitContainerOptions,
  type CopyFilesOptions,
  checkConditions,
  checkCopy,
  type LogsOptions,
  METHOD_CHECKS,
  type RestartContainerOptions,
  type StopContainerOptions,
  signalText,
} from './method-options.ts';
import { type ContainerParts, type ContainerPlace, imagesOf } from './place.ts';
import { type Endpoint, endpointOf, hostOf, portsOf } from './ports.ts';
import { eachWithReason, withReason } from './reason.ts';
import { removeKilled, removeStopped } from './removal.ts';
import { firstOf, statsOf } from './stats.ts';

/**
 * A container of this machine, running or not. Every method does what the verb of its name does. At the end of an
 * `await using`, a container that {@link startContainer} made without `keep` is stopped and removed; every other one
 * stays.
 */
export class Container implements AsyncDisposable {
  /** 64 hexadecimal digits. */
  readonly id: string;
  #name: string;
  readonly #place: ContainerPlace;
  readonly #keep: boolean;

  /** Use {@link startContainer} or {@link getContainer}. */
  constructor({ id, name, place, keep }: ContainerParts) {
    this.id = id;
    this.#name = name;
    this.#place = place;
    this.#keep = keep;
  }

  /** The name, as it was when this object was made, or as `rename` has made it. */
  get name(): string {
    return this.#name;
  }

  /**
   * The published ports, with those of the host that were chosen; none while it does not run.
   * @throws CONTAINER_NOT_FOUND, STORE_INVALID
   */
  get ports(): readonly PublishedPort[] {
    return portsOf(this, this.#place);
  }

  /**
   * The address of this machine at which its published ports are reached; where they are published at several
   * addresses, that of the first one: see `endpoint`. @throws CONTAINER_NOT_FOUND, STORE_INVALID
   */
  get host(): string {
    return hostOf(this, this.#place);
  }

  /**
   * Returns the port of this machine for a published port of the running container.
   * @throws USAGE, PORT_NOT_PUBLISHED, CONTAINER_NOT_FOUND, STORE_INVALID
   * @example
   * const socket = connect(db.port(5432), db.host);
   */
  port(port: number, protocol: 'tcp' | 'udp' = 'tcp'): number {
    return this.endpoint(port, protocol).port;
  }

  /**
   * Returns where a published port of the running container is reached on this machine: its own address and port.
   * @throws USAGE, PORT_NOT_PUBLISHED, CONTAINER_NOT_FOUND, STORE_INVALID
   * @example
   * const page = await fetch(`http://${web.endpoint(80).authority}/`);
   */
  endpoint(port: number, protocol: 'tcp' | 'udp' = 'tcp'): Endpoint {
    return endpointOf(this, this.#place, { port, protocol });
  }

  /**
   * Runs a command in the running container and waits for its end. A status that is not 0 is no error.
   * @throws CONTAINER_NOT_FOUND, CONTAINER_STATE, USAGE, LAUNCH_FAILED, HOST_UNSUPPORTED, COMMAND_NOT_FOUND,
   * COMMAND_NOT_EXECUTABLE, SYSTEM_CALL, LIMIT_EXCEEDED beyond `timeout` or `maxOutput`, the reason of `signal`
   * @example
   * const { exitCode, stdout } = await container.exec(['psql', '-c', 'select 1'], { user: 'postgres' });
   */
  exec<Encoding extends OutputEncoding = 'utf8'>(
    command: readonly string[],
    options?: ExecOptions<Encoding>,
  ): Promise<CommandResult<OutputOf<Encoding>>>;
  exec(command: readonly string[], options: ExecOptions<OutputEncoding> = {}): Promise<CommandResult<string | Buffer>> {
    return execCaptured(this.id, command, this.#place, options);
  }

  /** Starts a command in the running container and returns its streams. Failures come from `exitCode`. @throws USAGE */
  spawn(command: readonly string[], options: SpawnOptions = {}): RunningCommand {
    return spawnIn(this.id, command, this.#place, options);
  }

  /**
   * Yields the lines of the container's output, with `follow` until its end.
   * @throws USAGE, CONTAINER_NOT_FOUND, CONTAINER_STATE where it has no log, the reason of `signal`
   */
  logs(options: LogsOptions = {}): AsyncGenerator<LogLine> {
    checkOptions('logs', options, METHOD_CHECKS.logs);
    return eachWithReason(options.signal, linesOf(containerLog(this.id, options, this.#context(options))));
  }

  /**
   * Sends the stop signal, then SIGKILL after `timeout` seconds. A container that has ended stays as it is.
   * @throws CONTAINER_NOT_FOUND, CONTAINER_STATE, USAGE, SYSTEM_CALL
   */
  async stop(options: StopContainerOptions = {}): Promise<void> {
    await this.#with('stop', options, (context) =>
      stopContainer(this.id, { timeout: options.timeout, signal: options.stopSignal }, context),
    );
  }

  /** Sends a signal, SIGKILL by default. @throws CONTAINER_NOT_FOUND, CONTAINER_STATE, USAGE, SYSTEM_CALL */
  async kill(signal?: string | number): Promise<void> {
    await killContainer(this.id, signalText(signal), this.#context({}));
  }

  /** Waits for the end of the container; resolves with its status. @throws CONTAINER_NOT_FOUND, CONTAINER_STATE */
  async wait(options: AbortOption = {}): Promise<number> {
    return await this.#with('wait', options, (context) => waitForContainer(this.id, context));
  }

  /**
   * Waits until one of several conditions holds, such as `healthy`. Resolves with the container's status, or with -1
   * where it has not ended.
   * @throws CONTAINER_NOT_FOUND; CONTAINER_STATE where it has ended, or has no health check, and only its health is
   * waited for
   */
  async waitFor(conditions: WaitCondition | readonly WaitCondition[], options: AbortOption = {}): Promise<number> {
    const all = typeof conditions === 'string' ? [conditions] : conditions;
    checkConditions('conditions', all);
    return await this.#with('waitFor', options, (context) => waitForCondition(this.id, all, context));
  }

  /**
   * Attaches streams to a container that has a monitor, as one that is `detached`, until it ends or the detach keys are
   * typed. @throws CONTAINER_NOT_FOUND; CONTAINER_STATE where it does not run, is paused, or has no monitor; USAGE
   */
  async attach(request: AttachRequest = {}, options: AbortOption = {}): Promise<AttachEnd> {
    checkOptions('attach', request, ATTACH_CHECKS);
    return await this.#with('attach', options, (context) => attachToContainer(this.id, request, context));
  }

  /**
   * Starts the container again after its end, with all that it changed. One that {@link startContainer} started in this
   * process stays in it; every other one gets a monitor, and outlives it.
   * @throws CONTAINER_NOT_FOUND; as {@link startContainer}
   */
  async start(options: Context = {}): Promise<void> {
    await this.#with('start', options, (context) => startEnded(this.id, context));
  }

  /** Stops the container and starts it again, in this process or not as `start`. @throws as `stop` and `start` */
  async restart(options: RestartContainerOptions = {}): Promise<void> {
    await this.#with('restart', options, (context) => restartContainer(this.id, { timeout: options.timeout }, context));
  }

  /** Stops all processes of the container, until `unpause`. @throws CONTAINER_NOT_FOUND, CONTAINER_STATE */
  async pause(options: AbortOption = {}): Promise<void> {
    await this.#with('pause', options, (context) => pauseContainer(this.id, context));
  }

  /** Lets the processes of the container go on. @throws CONTAINER_NOT_FOUND, CONTAINER_STATE */
  async unpause(options: AbortOption = {}): Promise<void> {
    await this.#with('unpause', options, (context) => unpauseContainer(this.id, context));
  }

  /**
   * Lists the processes of the running container, with the host's numbers.
   * @param options of ps, which this host must have then
   * @throws CONTAINER_NOT_FOUND, CONTAINER_STATE, USAGE, HOST_UNSUPPORTED
   */
  async top(options: readonly string[] = []): Promise<ProcessTable> {
    texts('options', options);
    return await containerTop(this.id, options, this.#context({}));
  }

  /** Gives the container another name. @throws USAGE, CONTAINER_NOT_FOUND, CONTAINER_EXISTS */
  async rename(name: string): Promise<void> {
    text('name', name);
    await renameContainer(this.id, name, this.#context({}));
    this.#name = name;
  }

  /** Returns what docker's `inspect` tells, under its keys. @throws CONTAINER_NOT_FOUND, STORE_INVALID */
  async inspect(): Promise<InspectedContainer> {
    return await inspectContainer(this.id, { stateRoot: this.#place.stateRoot });
  }

  /** Measures the running container for one second. @throws CONTAINER_NOT_FOUND, CONTAINER_STATE */
  async stats(options: AbortOption = {}): Promise<ContainerStats> {
    return await firstOf(this.watchStats(options), this.name);
  }

  /** Yields what the container uses, once a second until its end. @throws as `stats` */
  watchStats(options: AbortOption = {}): AsyncGenerator<ContainerStats> {
    checkOptions('watchStats', options, METHOD_CHECKS.watchStats);
    return eachWithReason(options.signal, statsOf(this.id, this.#context(options)));
  }

  /**
   * Copies a file or directory of the host, or the entries of a tar archive, into the container.
   * @param source a path, or the archive; a path that ends with `/.` means the contents of the directory
   * @throws CONTAINER_NOT_FOUND, CONTAINER_STATE, SOURCE_NOT_FOUND, DESTINATION_INVALID, DESTINATION_EXISTS,
   * FILESYSTEM, LIMIT_EXCEEDED, TAR_INVALID, COMPRESSION_INVALID
   */
  async copyIn(source: string | Readable, path: string, options: CopyFilesOptions = {}): Promise<void> {
    checkCopy(path, { source }, 'pipe');
    await this.#with('copyIn', options, (context) =>
      copyToContainer(source, { container: this.id, path }, { ...options, ...context }),
    );
  }

  /**
   * Copies a file or directory of the container to the host, or as a tar archive to a stream, which is not ended.
   * @throws as `copyIn`
   */
  async copyOut(path: string, destination: string | Writable, options: CopyFilesOptions = {}): Promise<void> {
    checkCopy(path, { destination }, 'write');
    await this.#with('copyOut', options, (context) =>
      copyFromContainer({ container: this.id, path }, destination, { ...options, ...context }),
    );
  }

  /** Lists the files that the container changed. @throws CONTAINER_NOT_FOUND, FORMAT_UNSUPPORTED, LIMIT_EXCEEDED */
  async diff(options: Context = {}): Promise<readonly ChangedFile[]> {
    const changes = await this.#with('diff', options, (context) => containerChanges(this.id, context));
    return changes.map(({ kind, path }) => ({ kind, path: `/${pathText(path)}` }));
  }

  /**
   * Makes an image of the container, with its changes as one more layer. Resolves with the image's ID.
   * @throws CONTAINER_NOT_FOUND, REFERENCE_INVALID, FORMAT_UNSUPPORTED, LIMIT_EXCEEDED, FILESYSTEM
   */
  async commit(reference?: string, options: Omit<CommitContainerOptions, 'reference'> = {}): Promise<Digest> {
    if (reference !== undefined) text('reference', reference);
    return await this.#with('commit', options, () =>
      commitContainer(this.id, { ...options, reference, storeRoot: imagesOf(this.#place) }),
    );
  }

  /**
   * Kills the container where it runs, and removes it. One that is gone already is no failure.
   * @throws CONTAINER_STATE, FILESYSTEM
   */
  async remove(options: Context = {}): Promise<void> {
    await this.#with('remove', options, (context) => removeKilled(this.id, context));
  }

  /** Stops and removes the container, if it is one of this process that is not kept. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#keep) await removeStopped(this.id, this.#context({}));
  }

  #context({ signal, onEvent }: Context): ContainersContext {
    return { stateRoot: this.#place.stateRoot, signal, onEvent };
  }

  /** Checks the options of a method. @throws USAGE, the reason of `signal` */
  async #with<T>(
    method: keyof typeof METHOD_CHECKS,
    options: Context,
    action: (context: ContainersContext) => Promise<T>,
  ): Promise<T> {
    checkOptions<object>(method, options, METHOD_CHECKS[method]);
    return await withReason(options.signal, () => action(this.#context(options)));
  }
}

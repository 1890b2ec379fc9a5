import { setImmediate as turn } from 'node:timers/promises';
import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import type { LaunchPlan } from '../../launch/launch-plan.ts';
import { explainRefusal } from '../../launch/show/explain-refusal.ts';
import { awaitEnd, reap, signalProcess } from '../../sys/stub/call/await-end.ts';
import { setFileIds, setUmask } from '../../sys/stub/call/become.ts';
import type { StartedStub } from '../../sys/stub/start-stub.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import { type Cgroups, makeCgroups } from '../cgroup/cgroup.ts';
import { readConditions } from '../facts/conditions.ts';
import type { Connection } from '../network/connection.ts';
import { openNetwork } from '../network/open-network.ts';
import { openRelay, type Relay, type Streams } from '../stdio/relay.ts';
import { ignoresByDefault, type SignalSource, signalNumber } from '../stdio/signal-source.ts';
import { becomeCommand } from '../steps/command.ts';
import { performSteps, type StepHooks } from '../steps/steps.ts';
import { compileFilter } from './compile-filter.ts';
import { type MadeContainer, makeContainer } from './make-container.ts';
import { stubMeanwhile } from './stub-meanwhile.ts';

/** A command that ignores SIGINT and SIGTERM is killed at this request to end. */
const PATIENCE = 3;

/** Callbacks during a launch. */
export interface ExecuteWatch {
  /**
   * The container's first process exists: its host PID. It does not run the command yet, nor end before this returns.
   */
  readonly onProcess?: ((pid: number) => void) | undefined;
  /** All is prepared and the command comes next; until then a launch may be refused and tried again. */
  readonly onStarted?: (() => void) | undefined;
  /** The first process has become the command. */
  readonly onRunning?: (() => void) | undefined;
  /**
   * The first process has ended, or there never was one. Ends the processes that the command left behind, which may
   * hold its output open.
   */
  readonly onEnded?: (() => Promise<void>) | undefined;
}

/** The options of a launch besides the plan. An abort of `signal` gives the launch up, or kills the container. */
export interface ExecuteOptions extends Context, ExecuteWatch {
  readonly streams: Streams;
  /**
   * The signals to pass on to the container; none when absent. Before the command runs, a signal gives the launch up.
   */
  readonly signals?: SignalSource | undefined;
}

/** The parts outside of the container's namespaces, made before its first process. */
interface Surroundings {
  readonly tools: HostTools;
  readonly cgroups: Cgroups;
  readonly connection: Connection;
  /** The system call filter of the command. */
  readonly filter: Uint8Array | undefined;
}

/** How far a launch has come. */
type State =
  | { readonly kind: 'preparing' }
  /** The first process has only the command left to become: from here on, signals are the container's. */
  | { readonly kind: 'running'; readonly container: Stub }
  | { readonly kind: 'ended' }
  /** By a signal before the command ran, or by an abort at any time. */
  | { readonly kind: 'given up'; readonly by: NodeJS.Signals | 'abort' };

/** The command's status, undefined when the stub ended before it; or the error of the launch. */
type Outcome = { readonly status: number | undefined } | { readonly error: unknown };

/**
 * One launch. Its stub makes the namespaces, and the stub's child is the container's first process, which becomes the
 * command. The container dies with the stub.
 */
class Launch implements AsyncDisposable {
  readonly #started: StartedStub;
  readonly #plan: LaunchPlan;
  readonly #options: ExecuteOptions;
  readonly #listening: Disposable | undefined;
  readonly #abort = () => this.#giveUp('abort');
  #state: State = { kind: 'preparing' };
  #relay: (Relay & { close(): void | Promise<void> }) | undefined;
  /** Requests to end that the running container got. */
  #requests = 0;

  constructor(started: StartedStub, plan: LaunchPlan, options: ExecuteOptions) {
    this.#started = started;
    this.#plan = plan;
    this.#options = options;
    this.#listening = options.signals?.listen((name) => this.#receive(name));
    options.signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /** Performs the plan; resolves with the command's exit status when the container is gone. */
  async run(surroundings: Surroundings): Promise<number> {
    const { stub, process } = this.#started;
    let outcome: Outcome;
    try {
      outcome = { status: await this.#perform(surroundings) };
    } catch (error) {
      outcome = { error };
      process.kill('SIGKILL');
    }
    if (this.#state.kind === 'running') this.#state = { kind: 'ended' };
    stub.close();
    const end = await process.ended;
    await this.#options.onEnded?.();
    await this.#relay?.drain();
    if (this.#state.kind === 'given up') return this.#statusOfGivenUp(this.#state.by);
    if (surroundings.cgroups.outOfMemory()) this.#options.onEvent?.({ kind: 'out-of-memory' });
    if ('status' in outcome) return outcome.status ?? 128 + signalNumber(end.signal ?? 'SIGKILL');
    const { error } = outcome;
    throw error instanceof TsimgError ? (explainRefusal(error, readConditions()) ?? error) : error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#started.process.kill('SIGKILL');
    this.#options.signal?.removeEventListener('abort', this.#abort);
    await this.#relay?.close();
    this.#listening?.[Symbol.dispose]();
  }

  /** Makes the container, has its first process become the command and waits for its end. */
  async #perform({ tools, cgroups, connection, filter }: Surroundings): Promise<number | undefined> {
    const { stub } = this.#started;
    const made = await makeContainer(stub, this.#plan, tools);
    const { container } = made;
    this.#options.onProcess?.(container.pid);
    await connection.attach(container);
    const takeMaster = await this.#masterTaker(container);
    // Signals and aborts are delivered now: all that follows until the command runs happens in one turn.
    await turn();
    if (this.#isGivenUp()) return undefined;
    try {
      this.#becomeCommand(made, { joinCgroups: () => cgroups.join(container.pid), takeMaster }, filter);
    } catch (error) {
      // A delayed call of the stub may have failed before: its error was reported by a later call.
      throw container.failure ?? error;
    }
    this.#options.onRunning?.();
    const status = await awaitEnd(stub, container.pid);
    if (this.#state.kind === 'running') this.#state = { kind: 'ended' };
    if (status !== undefined) reap(stub, container.pid);
    return status;
  }

  /** Prepares the container by its first process, which becomes the command at the end. */
  #becomeCommand(
    { container, outside }: MadeContainer,
    hooks: Pick<StepHooks, 'joinCgroups' | 'takeMaster'>,
    filter: Uint8Array | undefined,
  ): void {
    const { idMap, command, steps } = this.#plan;
    setUmask(container, 0);
    // All files that follow are made by root of the container.
    if (idMap?.caller !== undefined) setFileIds(container, 0, 0);
    const opened = command.terminal ? undefined : openRelay(container, this.#options.streams, command.stdin);
    if (opened !== undefined) this.#relay = opened.relay;
    const prepared = performSteps(container, steps, { ...hooks, outside });
    const streams = prepared.terminal ?? opened?.pipes;
    if (streams === undefined) throw new TsimgError('LAUNCH_FAILED', 'no terminal');
    const ready = () => {
      this.#state = { kind: 'running', container };
      this.#options.onStarted?.();
    };
    becomeCommand(prepared.root, this.#plan, { streams, filter, ready });
  }

  /** Takes the master of a terminal out of the stub and relays it. The code for it is loaded for terminals only. */
  async #masterTaker(container: Stub): Promise<(master: number) => void> {
    const { command } = this.#plan;
    if (!command.terminal) return () => {};
    const { relayTerminal } = await import('../stdio/terminal.ts');
    return (master) => {
      const { stdin, stdout } = this.#options.streams;
      this.#relay = relayTerminal(container.take(master), command.stdin ? stdin : undefined, stdout);
    };
  }

  /** Passes a signal on to the running container; before the command runs, a signal gives the launch up. */
  #receive(name: NodeJS.Signals): void {
    if (this.#state.kind === 'preparing') this.#giveUp(name);
    if (this.#state.kind !== 'running') return;
    const { pid } = this.#state.container;
    const isRequest = name === 'SIGINT' || name === 'SIGTERM';
    if (isRequest) this.#requests += 1;
    const isVain = isRequest && this.#plan.namespaces.includes('pid') && ignoresByDefault(pid, signalNumber(name));
    signalProcess(pid, this.#requests < PATIENCE && !isVain ? name : 'SIGKILL');
  }

  #giveUp(by: NodeJS.Signals | 'abort'): void {
    this.#state = { kind: 'given up', by };
    this.#started.process.kill('SIGKILL');
  }

  #isGivenUp(): boolean {
    return this.#state.kind === 'given up';
  }

  #statusOfGivenUp(by: NodeJS.Signals | 'abort'): number {
    if (by !== 'abort') return 128 + signalNumber(by);
    throw this.#options.signal?.reason;
  }
}

/**
 * Performs a plan: a stub makes the namespaces; its child prepares the container in them and becomes the command, whose
 * streams and signals are passed on. Resolves with the command's exit status when the container is gone. The container
 * dies with this process.
 * @throws LAUNCH_FAILED, HOST_UNSUPPORTED, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, SYSTEM_CALL, an AbortError on
 * `signal`
 */
export async function execute(plan: LaunchPlan, tools: HostTools, options: ExecuteOptions): Promise<number> {
  const { signal, onEvent } = options;
  signal?.throwIfAborted();
  for (const message of plan.warnings) onEvent?.({ kind: 'warning', message });
  await using starting = stubMeanwhile();
  await using cgroups = await makeCgroups(plan.cgroups);
  await using connection = await openNetwork(plan.network, tools, { signal, onEvent });
  const filter = compileFilter(plan.command);
  const started = await starting.stub;
  signal?.throwIfAborted();
  await using launch = new Launch(started, plan, options);
  return await launch.run({ tools, cgroups, connection, filter });
}

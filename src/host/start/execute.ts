import { setImmediate as turn } from 'node:timers/promises';
import { TsimgError } from '../../errors.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import type { LaunchPlan, ProcessPlan } from '../../launch/launch-plan.ts';
import { explainRefusal } from '../../launch/show/explain-refusal.ts';
import { signalProcess } from '../../sys/process/signal-process.ts';
import { awaitEnd, reap } from '../../sys/stub/call/await-end.ts';
import { setFileIds, setUmask } from '../../sys/stub/call/become.ts';
import type { StartedStub } from '../../sys/stub/start-stub.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import { type Cgroups, makeCgroups } from '../cgroup/cgroup.ts';
import { thaw } from '../cgroup/freeze.ts';
import { readConditions } from '../facts/conditions.ts';
import type { Connection } from '../network/connection.ts';
import { openNetwork } from '../network/open-network.ts';
import { type ContainerPipes, openRelay, type Relay, type Streams } from '../stdio/relay.ts';
import { ignoresByDefault, signalNumber } from '../stdio/signal-source.ts';
import { becomeCommand, type CommandHooks, prepareCommand } from '../steps/command.ts';
import type { StubRoot } from '../steps/root.ts';
import { performSteps, type StepHooks, stepByStep } from '../steps/steps.ts';
import { compileFilter } from './compile-filter.ts';
import type { ExecuteOptions } from './execute-options.ts';
import { makeContainer } from './make-container.ts';
import { stubMeanwhile } from './stub-meanwhile.ts';

/** The request to end (SIGINT, SIGTERM), counted from 1, at which a command that ignores them is killed. */
const PATIENCE = 3;

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
  /** The first process only has to execute the command: from here on, the container gets the signals. */
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
  /** The stub in the container, once it is made. */
  #container: Stub | undefined;
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
    if ('status' in outcome) await this.#tellOver(outcome.status, surroundings);
    stub.close();
    this.#container?.close();
    const end = await process.ended;
    await this.#options.onEnded?.();
    await this.#relay?.drain();
    if (this.#state.kind === 'given up') return this.#statusOfGivenUp(this.#state.by);
    if (surroundings.cgroups.outOfMemory()) this.#options.onEvent?.({ kind: 'out-of-memory' });
    if ('status' in outcome) return outcome.status ?? 128 + signalNumber(end.signal ?? 'SIGKILL');
    const { error } = outcome;
    throw error instanceof TsimgError ? (explainRefusal(error, readConditions()) ?? error) : error;
  }

  /** Tells the end early to a caller that need not wait for the cleaning: with a PID namespace, all has ended by now. */
  async #tellOver(status: number | undefined, { cgroups }: Surroundings): Promise<void> {
    const { onOver } = this.#options;
    if (onOver === undefined || status === undefined || this.#isGivenUp()) return;
    if (!this.#plan.namespaces.includes('pid')) return;
    await this.#relay?.drain();
    onOver(status, cgroups.outOfMemory());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#started.process.kill('SIGKILL');
    this.#options.signal?.removeEventListener('abort', this.#abort);
    await this.#relay?.close();
    this.#listening?.[Symbol.dispose]();
  }

  /** Makes the container, has its first process become the command and waits for its end. */
  async #perform(around: Surroundings): Promise<number | undefined> {
    const { cgroups, connection, filter } = around;
    const { stub } = this.#started;
    const { origin, awaitOrders } = this.#options;
    const { container, outside } = await makeContainer(stub, this.#plan, {
      tools: around.tools,
      isMapped: origin?.isMapped,
      onUserNamespace: origin?.onUserNamespace,
      userNamespaceAbove: origin?.userNamespaceAbove,
    });
    this.#container = container;
    this.#options.onProcess?.(container.pid);
    this.#options.onConnected?.(await connection.attach(container));
    const takeMaster = await this.#masterTaker(container);
    // Signals and aborts are delivered now: all that follows until the command runs happens in one turn.
    await turn();
    if (this.#isGivenUp()) return undefined;
    const hooks = { takeMaster, outside };
    try {
      if (awaitOrders === undefined) {
        this.#becomeCommand(container, { ...hooks, joinCgroups: () => cgroups.join(container.pid) }, filter);
      } else {
        const root = await this.#prepare(container, hooks, cgroups);
        if (root === undefined) return undefined;
        const ahead = prepareCommand(root, this.#plan);
        const { command, streams } = await awaitOrders(container);
        if (this.#isGivenUp()) return undefined;
        const pipes = this.#openRelay(container, streams, command);
        this.#execute(root, { ...this.#plan, command }, { streams: pipes, filter, ahead });
      }
    } catch (error) {
      // A delayed call of the stub may have failed before: its error was reported by a later call.
      throw container.failure ?? error;
    }
    this.#options.onRunning?.();
    const status = await awaitEnd(stub, container.pid, this.#options.onKilled);
    if (this.#state.kind === 'running') this.#state = { kind: 'ended' };
    if (status !== undefined) reap(stub, container.pid);
    return status;
  }

  /** All files that follow are made by root of the container. */
  #ownFiles(container: Stub): void {
    setUmask(container, 0);
    if (this.#plan.idMap?.caller !== undefined) setFileIds(container, 0, 0);
  }

  /**
   * Performs the steps, and has the process join its cgroups meanwhile: the kernel may take as long for that as for all
   * else. Undefined where the launch is given up.
   */
  async #prepare(container: Stub, hooks: StepHooks, cgroups: Cgroups): Promise<StubRoot | undefined> {
    const joined = cgroups.joinLater(container.pid);
    // It is waited for below, after steps that may fail.
    joined.catch(() => {});
    this.#ownFiles(container);
    const steps = stepByStep(container, this.#plan.steps, hooks);
    for (;;) {
      const next = steps.next();
      await joined;
      if (this.#isGivenUp()) return undefined;
      if (next.done) return next.value.root;
    }
  }

  /** Prepares the container by its first process, which becomes the command at the end. */
  #becomeCommand(container: Stub, hooks: StepHooks & { joinCgroups(): void }, filter: Uint8Array | undefined): void {
    const { command, steps } = this.#plan;
    this.#ownFiles(container);
    const pipes = command.terminal ? undefined : this.#openRelay(container, this.#options.streams, command);
    const prepared = performSteps(container, steps, hooks);
    const streams = prepared.terminal ?? pipes;
    if (streams === undefined) throw new TsimgError('LAUNCH_FAILED', 'no terminal');
    this.#execute(prepared.root, this.#plan, { streams, filter });
  }

  #openRelay(container: Stub, streams: Streams, { stdin }: ProcessPlan): ContainerPipes {
    const { relay, pipes } = openRelay(container, streams, stdin);
    this.#relay = relay;
    return pipes;
  }

  #execute(root: StubRoot, plan: LaunchPlan, how: Omit<CommandHooks, 'ready'>): void {
    const ready = () => {
      this.#state = { kind: 'running', container: root.stub };
      this.#options.onStarted?.();
    };
    becomeCommand(root, plan, { ...how, ready });
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
    const isKilled = this.#requests >= PATIENCE || isVain;
    signalProcess(pid, isKilled ? 'SIGKILL' : name);
    // A paused container would end only when it goes on.
    if (isKilled) thaw(this.#plan.cgroups);
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
  const { signal, onEvent, lastPorts } = options;
  signal?.throwIfAborted();
  for (const message of plan.warnings) onEvent?.({ kind: 'warning', message });
  await using starting = stubMeanwhile(options.origin?.start);
  await using cgroups = await makeCgroups(plan.cgroups);
  await using connection = await openNetwork(plan.network, tools, { signal, onEvent, lastPorts });
  const filter = compileFilter(plan.command);
  const started = await starting.stub;
  signal?.throwIfAborted();
  await using launch = new Launch(started, plan, options);
  return await launch.run({ tools, cgroups, connection, filter });
}

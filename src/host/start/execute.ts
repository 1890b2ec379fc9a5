import { setImmediate as turn } from 'node:timers/promises';
import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import type { LaunchPlan } from '../../launch/launch-plan.ts';
import { explainRefusal } from '../../launch/show/explain-refusal.ts';
import { awaitEnd, reap, signalProcess } from '../../sys/stub/call/await-end.ts';
import { setFileIds, setUmask } from '../../sys/stub/call/become.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import { type Cgroups, makeCgroups } from '../cgroup/cgroup.ts';
import { readConditions } from '../facts/conditions.ts';
import { openNetwork } from '../network/open-network.ts';
import { catchSignals, ignoresByDefault, signalNumber } from '../stdio/forward-signals.ts';
import { openRelay, type Relay, type Streams } from '../stdio/relay.ts';
import { becomeCommand } from '../steps/command.ts';
import { performSteps } from '../steps/steps.ts';
import { compileFilter } from './compile-filter.ts';
import { type MadeContainer, makeContainer } from './make-container.ts';
import { stubMeanwhile } from './stub-meanwhile.ts';

/** Whoever asks a command that ignores it this often to end, by SIGINT or SIGTERM, means it. */
const PATIENCE = 3;

/** What is told of a launch while it goes on. */
export interface ExecuteWatch {
  /** The container's first process is there: its host PID. It does not run the command yet, nor end before this returns. */
  readonly onProcess?: ((pid: number) => void) | undefined;
  /** All is prepared and the command comes next; until then a launch may be refused and tried again. */
  readonly onStarted?: (() => void) | undefined;
  /** It has become the command. */
  readonly onRunning?: (() => void) | undefined;
  /** The first process has ended: ends what it left behind, which may hold its output open. Also called where there never was one. */
  readonly onEnded?: (() => Promise<void>) | undefined;
}

/** What a launch takes besides the plan. */
export interface ExecuteOptions extends Context, ExecuteWatch {
  readonly streams: Streams;
  /**
   * Whether signals that this process gets are the container's while it runs. Then `signal`, which the same ones may abort,
   * ends only a launch whose command does not run yet; otherwise it kills the container.
   */
  readonly passSignals: boolean;
}

/** What is known of a launch while it goes on. */
interface Launch {
  readonly plan: LaunchPlan;
  readonly streams: Streams;
  readonly watch: ExecuteWatch;
  /** The container's first process: a stub until it is the command. Absent before it is there, and when it has ended. */
  container?: Stub | undefined;
  /** Only the command itself is left: signals are the container's from here on. */
  ready: boolean;
  relay?: (Relay & { close(): void | Promise<void> }) | undefined;
}

/** What takes a terminal's master out of a stub and passes it on; loaded only where there is one. */
async function masterTaker(launch: Launch, container: Stub): Promise<(master: number) => void> {
  if (!launch.plan.command.terminal) return () => {};
  const { relayTerminal } = await import('../stdio/terminal.ts');
  return (master) => {
    const { stdin, stdout } = launch.streams;
    launch.relay = relayTerminal(container.take(master), launch.plan.command.stdin ? stdin : undefined, stdout);
  };
}

/** Prepares the container by its first process, which becomes the command in the end. */
async function prepare(
  launch: Launch,
  { container, outside }: MadeContainer,
  cgroups: Cgroups,
  filter?: Uint8Array,
): Promise<void> {
  const { plan, watch } = launch;
  const takeMaster = await masterTaker(launch, container);
  // Whoever wants to stop it is heard now: from here on all is done in one turn.
  await turn();
  if (launch.container === undefined) return;
  try {
    setUmask(container, 0);
    // All that follows is made by root of the container.
    if (plan.idMap?.caller !== undefined) setFileIds(container, 0, 0);
    const opened = plan.command.terminal ? undefined : openRelay(container, launch.streams, plan.command.stdin);
    if (opened !== undefined) launch.relay = opened.relay;
    const joinCgroups = () => cgroups.join(container.pid);
    const prepared = performSteps(container, plan.steps, { joinCgroups, takeMaster, outside });
    const streams = prepared.terminal ?? opened?.pipes;
    if (streams === undefined) throw new TsimgError('LAUNCH_FAILED', 'no terminal');
    becomeCommand(container, plan, prepared, streams, filter, () => {
      launch.ready = true;
      watch.onStarted?.();
    });
  } catch (error) {
    // Whoever caught it took it for a later call's.
    throw container.failure ?? error;
  }
  watch.onRunning?.();
}

/**
 * Performs a plan: a stub makes the namespaces, another, its child, is told all that is to be done in them and becomes the
 * command; streams and signals are passed on. Resolves with the command's exit status when the container is gone. When this
 * process dies, however, the container does.
 * @throws LAUNCH_FAILED, HOST_UNSUPPORTED, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, SYSTEM_CALL, an AbortError on `signal`
 */
export async function execute(
  plan: LaunchPlan,
  tools: HostTools,
  { signal, onEvent, streams, passSignals, ...watch }: ExecuteOptions,
): Promise<number> {
  signal?.throwIfAborted();
  for (const message of plan.warnings) onEvent?.({ kind: 'warning', message });
  await using starting = stubMeanwhile();
  await using cgroups = await makeCgroups(plan.cgroups);
  await using connection = await openNetwork(plan.network, tools, { signal, onEvent });
  const filter = compileFilter(plan.command);
  const { stub, process: child } = await starting.stub;
  const launch: Launch = { plan, streams, watch, ready: false };
  let stopped: NodeJS.Signals | undefined;
  const stop = () => {
    child.kill('SIGKILL');
    if (!launch.ready) launch.container = undefined;
  };
  let requests = 0;
  using _ = catchSignals(passSignals, (name) => {
    const isRequest = name === 'SIGINT' || name === 'SIGTERM';
    if (isRequest) requests += 1;
    if (!launch.ready) {
      stopped ??= name;
      stop();
    } else if (launch.container !== undefined) {
      const { pid } = launch.container;
      const isVain = isRequest && plan.namespaces.includes('pid') && ignoresByDefault(pid, signalNumber(name));
      signalProcess(pid, requests < PATIENCE && !isVain ? name : 'SIGKILL');
    }
  });
  let aborted = false;
  const abort = () => {
    if (passSignals && launch.ready) return;
    aborted = true;
    stop();
  };
  signal?.addEventListener('abort', abort, { once: true });
  let error: unknown;
  let status: number | undefined;
  try {
    try {
      const made = await makeContainer(stub, plan, tools);
      const { container } = made;
      launch.container = container;
      watch.onProcess?.(container.pid);
      await connection.attach(container);
      await prepare(launch, made, cgroups, filter);
      status = await awaitEnd(stub, container.pid);
      launch.container = undefined;
      if (status !== undefined) reap(stub, container.pid);
    } catch (thrown) {
      error = thrown;
      child.kill('SIGKILL');
    }
    stub.close();
    const end = await child.ended;
    await watch.onEnded?.();
    await launch.relay?.drain();
    if (aborted) signal?.throwIfAborted();
    if (stopped !== undefined && !launch.ready) return 128 + signalNumber(stopped);
    if (cgroups.outOfMemory()) onEvent?.({ kind: 'out-of-memory' });
    if (error instanceof TsimgError) throw explainRefusal(error, readConditions()) ?? error;
    if (error !== undefined) throw error;
    return status ?? 128 + signalNumber(end.signal ?? 'SIGKILL');
  } finally {
    child.kill('SIGKILL');
    signal?.removeEventListener('abort', abort);
    await launch.relay?.close();
  }
}

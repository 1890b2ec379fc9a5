import { closeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { TsimgError } from '../errors.ts';
import type { Context } from '../events.ts';
import { explainComplaint, explainRefusal } from '../launch/explain-refusal.ts';
import type { HostTools } from '../launch/host-facts.ts';
import type { LaunchPlan } from '../launch/plan.ts';
import { setLimit } from '../sys/become.ts';
import { openProcess, type ProcessHandle } from '../sys/pidfd.ts';
import { type ProcessEnd, type StartedProcess, startProcess } from '../sys/start-process.ts';
import { awaitExecution } from './await-execution.ts';
import { makeCgroups } from './cgroup.ts';
import { DESCRIPTOR, type StageCgroup, type StageMessage, type StageOrders } from './channel.ts';
import { compileFilter } from './compile-filter.ts';
import { collectComplaints } from './complaints.ts';
import { readConditions } from './conditions.ts';
import { catchSignals, signalNumber } from './forward-signals.ts';
import type { Connection } from './network/connection.ts';
import { openNetwork } from './network/open-network.ts';
import { receiveError } from './portable-error.ts';
import { openRelay, type Streams } from './relay.ts';
import { handCgroups } from './stage-cgroups.ts';
import { readMessages } from './stage-messages.ts';
import { relayTerminal, type TerminalRelay } from './terminal.ts';
import { TOOL_ENV, toolChain } from './tool-chain.ts';
import { writeIdMaps } from './write-id-maps.ts';

/**
 * The first process of a PID namespace ignores every signal that it has no handler for: whoever asks it this often to end,
 * by SIGINT or SIGTERM, means it.
 */
const PATIENCE = 3;

/** Node and the stage's compiled file: workers and stages need JavaScript. */
const STAGE = [process.execPath, fileURLToPath(new URL('./init.js', import.meta.url))];

/** What is known of a launch while it goes on. */
interface Launch {
  readonly plan: LaunchPlan;
  readonly child: StartedProcess;
  readonly streams: Streams;
  readonly tools: HostTools;
  readonly cgroups: readonly StageCgroup[];
  readonly connection: Connection;
  readonly watch: ExecuteWatch;
  /** In base64, as the stage gets it. */
  filter?: string | undefined;
  container?: ProcessHandle;
  terminal?: TerminalRelay;
  /** Resolves when the command runs, or never will. */
  running?: Promise<void>;
  /** Only the command itself is left: signals are the container's from here on. */
  ready: boolean;
  error?: TsimgError;
}

function sendLine(child: StartedProcess, line: string): void {
  child.stream(DESCRIPTOR.control).write(`${line}\n`);
}

/** Answers the stage, message by message, until nobody is left who could send one. */
async function converse(launch: Launch): Promise<void> {
  const { plan, cgroups, child, streams, tools, watch } = launch;
  for await (const message of readMessages<StageMessage>(child.stream(DESCRIPTOR.status))) {
    switch (message.kind) {
      case 'namespace':
        if (plan.idMap !== undefined) await writeIdMaps(child.pid, plan.idMap, tools);
        sendLine(child, '');
        break;
      case 'started':
        // unshare dies of the signal that its child died of, and must not leave a core dump of itself.
        setLimit('core', 0, 0, child.pid);
        launch.container = openProcess(message.pid);
        watch.onProcess?.(message.pid);
        launch.running = awaitExecution(launch.container, message.execution).then((runs) => {
          if (runs && launch.ready) watch.onRunning?.();
        });
        // Awaited when the container has ended; what it throws is thrown there.
        launch.running.catch(() => {});
        await launch.connection.attach(message.pid);
        sendLine(child, JSON.stringify({ plan, cgroups, filter: launch.filter } satisfies StageOrders));
        break;
      case 'terminal': {
        const master = launch.container?.takeDescriptor(message.fd);
        if (master === undefined) throw new TsimgError('LAUNCH_FAILED', 'the stage speaks out of turn');
        launch.terminal = relayTerminal(master, plan.command.stdin ? streams.stdin : undefined, streams.stdout);
        sendLine(child, '');
        break;
      }
      case 'ready':
        launch.ready = true;
        watch.onStarted?.();
        break;
      case 'error':
        launch.error = receiveError(message.error);
        break;
    }
  }
}

/**
 * The command's status as a shell would tell it: its own, or 128 and the signal that killed it, which unshare passes on by
 * dying of it too. util-linux 2.38 cannot do so with SIGKILL (an out-of-memory kill, say): it complains and exits with 1.
 */
function shellStatus({ status, signal }: ProcessEnd, complaints: string): number {
  if (status === 1 && complaints.includes('sigprocmask unblock failed')) return 128 + signalNumber('SIGKILL');
  return status ?? 128 + (signal === null ? 0 : signalNumber(signal));
}

/** What is told of a launch while it goes on. */
export interface ExecuteWatch {
  /** The container's first process is there: its host PID. It does not run the command yet, nor end before this returns. */
  readonly onProcess?: ((pid: number) => void) | undefined;
  /** All is prepared and the command comes next; until then a launch may be refused and tried again. */
  readonly onStarted?: (() => void) | undefined;
  /** It has become the command. */
  readonly onRunning?: (() => void) | undefined;
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

/**
 * Performs a plan: starts the tools that make the namespaces and, in them, the stage; passes streams and signals on.
 * Resolves with the command's exit status when the container is gone. When this process dies, however, the container does.
 * @throws LAUNCH_FAILED, HOST_UNSUPPORTED, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, SYSTEM_CALL, an AbortError on `signal`
 */
export async function execute(
  plan: LaunchPlan,
  tools: HostTools,
  { signal, onEvent, streams, passSignals, ...watch }: ExecuteOptions,
): Promise<number> {
  signal?.throwIfAborted();
  for (const message of plan.warnings) onEvent?.({ kind: 'warning', message });
  const [program = '', ...args] = toolChain(plan, tools, STAGE);
  await using made = await makeCgroups(plan.cgroups);
  await using connection = await openNetwork(plan.network, tools, { signal, onEvent });
  const { inherited, cgroups } = handCgroups(made);
  const relay = plan.command.terminal ? undefined : openRelay(streams, plan.command.stdin);
  const standard = relay?.descriptors ?? (['ignore', 'ignore', 'ignore'] as const);
  let child: StartedProcess;
  try {
    child = await startProcess(program, args, {
      descriptors: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe', ...standard, ...inherited],
      env: TOOL_ENV,
      cwd: '/',
      ownSession: true,
    });
  } finally {
    for (const fd of relay?.containerEnds ?? []) closeSync(fd);
  }
  const launch: Launch = { plan, child, streams, tools, cgroups, connection, watch, ready: false };
  let stopped: NodeJS.Signals | undefined;
  let requests = 0;
  using _ = catchSignals(passSignals, (name) => {
    if (name === 'SIGINT' || name === 'SIGTERM') requests += 1;
    if (launch.ready) launch.container?.signal(signalNumber(requests < PATIENCE ? name : 'SIGKILL'));
    else {
      stopped ??= name;
      child.kill('SIGKILL');
    }
  });
  let aborted = false;
  const abort = () => {
    if (passSignals && launch.ready) return;
    aborted = true;
    child.kill('SIGKILL');
  };
  signal?.addEventListener('abort', abort, { once: true });
  // A launch that fails stops reading: what it told says why, not our broken pipe.
  child.stream(DESCRIPTOR.control).on('error', () => {});
  try {
    const complaints = collectComplaints(child.stream(DESCRIPTOR.complaints));
    const filter = compileFilter(plan.command);
    if (filter !== undefined) launch.filter = Buffer.from(filter).toString('base64');
    await converse(launch);
    const end = await child.ended;
    await launch.running;
    await Promise.all([relay?.drain(), launch.terminal?.drain()]);
    if (aborted) signal?.throwIfAborted();
    if (stopped !== undefined && !launch.ready) return 128 + signalNumber(stopped);
    if (made.outOfMemory()) onEvent?.({ kind: 'out-of-memory' });
    if (launch.error !== undefined) throw explainRefusal(launch.error, readConditions()) ?? launch.error;
    if (launch.ready) return shellStatus(end, await complaints);
    const complaint = (await complaints).trim() || `ended with ${end.signal ?? `status ${end.status}`}`;
    throw explainComplaint(complaint, readConditions());
  } finally {
    child.kill('SIGKILL');
    signal?.removeEventListener('abort', abort);
    relay?.close();
    await launch.terminal?.close();
    launch.container?.[Symbol.dispose]();
  }
}

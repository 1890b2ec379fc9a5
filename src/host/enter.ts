import { closeSync, constants, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { errnoOf, TsimgError } from '../errors.ts';
import type { Context } from '../events.ts';
import { explainRefusal } from '../launch/explain-refusal.ts';
import type { HostTools } from '../launch/host-facts.ts';
import type { ExecPlan } from '../launch/plan-exec.ts';
import { openProcess, type ProcessHandle } from '../sys/pidfd.ts';
import { type StartedProcess, startProcess } from '../sys/start-process.ts';
import { DESCRIPTOR } from './channel.ts';
import { compileFilter } from './compile-filter.ts';
import { collectComplaints } from './complaints.ts';
import { readConditions } from './conditions.ts';
import { ENTER_DESCRIPTOR, type EnterMessage, type EnterOrders } from './enter-channel.ts';
import { catchSignals, signalNumber } from './forward-signals.ts';
import { openRunning } from './open-running.ts';
import { receiveError } from './portable-error.ts';
import { openRelay, type Relay, type Streams } from './relay.ts';
import { readMessages } from './stage-messages.ts';
import type { ProcessIdentity } from './state/process-identity.ts';
import { relayTerminal, type TerminalRelay } from './terminal.ts';
import { TOOL_ENV } from './tool-chain.ts';
import { requireTool } from './tools.ts';

const STAGE = [process.execPath, fileURLToPath(new URL('./enter-stage.js', import.meta.url))];

/**
 * What the command started in the background may hold its output open for ever: docker waits two seconds for it, too.
 * Milliseconds.
 */
const AFTERMATH = 2000;

/** What entering takes besides the plan. */
export interface EnterOptions extends Context {
  readonly streams: Streams;
  /** Whether signals that this process gets are the command's while it runs; otherwise `signal` kills it. */
  readonly passSignals: boolean;
}

/** Namespaces that nsenter joins before the stage, which has several threads: by the names of its options and of /proc/PID/ns. */
function namedFirst({ namespaces, mapped }: ExecPlan): readonly string[] {
  const names = mapped === undefined ? (['user', 'time'] as const) : (['time'] as const);
  return names.filter((name) => namespaces.includes(name));
}

/**
 * The programs that end in the stage, all of them the same process. It dies when this one does, unless it is detached. Its
 * mount namespace is a copy of the host's, in which the stage makes the mount that its own program is on read-only.
 */
function enterChain(plan: ExecPlan, tools: HostTools, firstFd: number): readonly string[] {
  const dying = plan.detached ? [] : [requireTool(tools, 'setpriv'), '--pdeathsig', 'KILL'];
  const stage = [requireTool(tools, 'unshare'), '--mount', '--', ...STAGE];
  const first = namedFirst(plan);
  if (first.length === 0) return [...dying, ...stage];
  const files = first.map((name, index) => `--${name}=/proc/self/fd/${firstFd + index}`);
  // Without this nsenter becomes the namespace's root.
  const keep = first.includes('user') && !plan.becomesRoot ? ['--preserve-credentials'] : [];
  // Joining clears the signal.
  return [...dying, requireTool(tools, 'nsenter'), ...files, ...keep, '--', ...dying, ...stage];
}

function openCgroups(directories: readonly string[]): readonly number[] {
  return directories.flatMap((directory) => {
    try {
      return [openSync(`${directory}/cgroup.procs`, constants.O_WRONLY)];
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw error;
    }
  });
}

/** All output of the command; of what it left in the background only what comes at once, and all that was read already. */
async function drainRelay(relay: Relay, { stdout, stderr }: Streams): Promise<void> {
  const done = new AbortController();
  const drained = relay.drain().then(() => done.abort());
  while (!done.signal.aborted) {
    const over = sleep(AFTERMATH, undefined, { signal: done.signal }).catch(() => undefined);
    await Promise.race([drained, over]);
    if (!stdout.writableNeedDrain && !stderr.writableNeedDrain) return done.abort();
  }
}

/** What is known of a command while it runs. */
interface Entry {
  readonly plan: ExecPlan;
  readonly child: StartedProcess;
  readonly streams: Streams;
  command?: ProcessHandle;
  terminal?: TerminalRelay;
  /** What it was asked for before it ran: it gets it as soon as it does. */
  early?: NodeJS.Signals;
  status?: number;
  error?: TsimgError;
}

/** Answers the stage, message by message, until it is gone. */
async function converse(entry: Entry): Promise<void> {
  const { plan, child, streams } = entry;
  const answer = () => child.stream(DESCRIPTOR.control).write('\n');
  for await (const message of readMessages<EnterMessage>(child.stream(DESCRIPTOR.status))) {
    switch (message.kind) {
      case 'terminal': {
        using stage = openProcess(child.pid);
        const master = stage.takeDescriptor(message.fd);
        entry.terminal = relayTerminal(master, plan.command.stdin ? streams.stdin : undefined, streams.stdout);
        answer();
        break;
      }
      case 'running':
        if (plan.detached) entry.status = 0;
        else entry.command = openProcess(message.pid);
        if (entry.early !== undefined) entry.command?.signal(signalNumber(entry.early));
        answer();
        break;
      case 'ended':
        entry.status = message.status;
        break;
      case 'error':
        entry.error = receiveError(message.error);
        break;
    }
  }
}

function ended(cause?: unknown): TsimgError {
  return new TsimgError('CONTAINER_STATE', 'the container has ended', { cause });
}

/**
 * Runs a command in a container, by its first process: starts the stage that enters it, passes streams and signals on. Resolves
 * with the command's exit status, or with 0 when a detached one runs. When this process dies, another one's command does.
 * @throws CONTAINER_STATE, LAUNCH_FAILED, HOST_UNSUPPORTED, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, SYSTEM_CALL, an
 * AbortError on `signal`
 */
export async function enterContainer(
  plan: ExecPlan,
  identity: ProcessIdentity,
  tools: HostTools,
  { signal, streams, passSignals }: EnterOptions,
): Promise<number> {
  signal?.throwIfAborted();
  using container = openRunning(identity, namedFirst(plan));
  if (container === undefined) throw ended();
  const joins = openCgroups(plan.cgroups);
  const isPiped = !plan.command.terminal && !plan.detached;
  const relay = isPiped ? openRelay(streams, plan.command.stdin) : undefined;
  const [program = '', ...args] = enterChain(plan, tools, ENTER_DESCRIPTOR.others + joins.length);
  let child: StartedProcess;
  try {
    child = await startProcess(program, args, {
      descriptors: [
        ...(['ignore', 'ignore', 'pipe', 'pipe', 'pipe'] as const),
        ...(relay?.descriptors ?? (['ignore', 'ignore', 'ignore'] as const)),
        container.process.fd,
        container.root,
        ...joins,
        ...container.namespaces,
      ],
      env: TOOL_ENV,
      cwd: '/',
      ownSession: true,
    });
  } finally {
    for (const fd of [...joins, ...(relay?.containerEnds ?? [])]) closeSync(fd);
  }
  const entry: Entry = { plan, child, streams };
  using _ = catchSignals(passSignals, (name) => {
    if (entry.command !== undefined) entry.command.signal(signalNumber(name));
    // It may run already, and we have not been told yet. Who asks again means that it does not come to that.
    else if (entry.early === undefined) entry.early = name;
    else child.kill('SIGKILL');
  });
  const abort = () => void child.kill('SIGKILL');
  if (!passSignals) signal?.addEventListener('abort', abort, { once: true });
  const control = child.stream(DESCRIPTOR.control);
  // A stage that fails stops reading: what it told says why, not our broken pipe.
  control.on('error', () => {});
  try {
    const complaints = collectComplaints(child.stream(DESCRIPTOR.complaints));
    const filter = compileFilter(plan.command);
    const orders: EnterOrders = {
      plan,
      cgroups: joins.map((_, index) => ENTER_DESCRIPTOR.others + index),
      ...(filter === undefined ? {} : { filter: Buffer.from(filter).toString('base64') }),
    };
    control.write(`${JSON.stringify(orders)}\n`);
    await converse(entry);
    const { status, error } = entry;
    if (status !== undefined) {
      if (relay !== undefined) await drainRelay(relay, streams);
      await entry.terminal?.drain();
      return status;
    }
    if (!passSignals) signal?.throwIfAborted();
    if (entry.command === undefined && entry.early !== undefined) return 128 + signalNumber(entry.early);
    if (!container.process.signal(0)) throw ended(error);
    if (error !== undefined) throw explainRefusal(error, readConditions()) ?? error;
    throw new TsimgError('LAUNCH_FAILED', 'the container could not be entered', {
      why: (await complaints).trim(),
      hint: 'tsimg doctor says what this host can do',
    });
  } finally {
    if (!plan.detached) child.kill('SIGKILL');
    signal?.removeEventListener('abort', abort);
    relay?.close();
    await entry.terminal?.close();
    entry.command?.[Symbol.dispose]();
  }
}

import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import type { ExecPlan } from '../../launch/plan/plan-exec.ts';
import { explainRefusal } from '../../launch/show/explain-refusal.ts';
import { signalProcess } from '../../sys/process/signal-process.ts';
import { awaitEnd, reap } from '../../sys/stub/call/await-end.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import { joinCgroups, waitInCgroups } from '../cgroup/enter-cgroups.ts';
import { readConditions } from '../facts/conditions.ts';
import { compileFilter } from '../start/compile-filter.ts';
import { stubMeanwhile } from '../start/stub-meanwhile.ts';
import type { ProcessIdentity } from '../state/process-identity.ts';
import { openRelay, type Relay, type Streams } from '../stdio/relay.ts';
import { type SignalSource, signalNumber } from '../stdio/signal-source.ts';
import { type EnterHooks, startCommand } from './enter-command.ts';
import { enterNamespaces } from './enter-namespaces.ts';

/**
 * The longest wait for output of background processes after the command's end: milliseconds. They may hold the output
 * open for ever. docker waits two seconds, too.
 */
const AFTERMATH = 2000;

/** The options of entering besides the plan. */
export interface EnterOptions extends Context {
  readonly streams: Streams;
  /** The signals to pass on to the command; none when absent. `signal` kills the command. */
  readonly signals?: SignalSource | undefined;
  /** The command's process exists: its host PID. */
  readonly onProcess?: ((pid: number) => void) | undefined;
}

/** Passes on all output of the command; of its background processes only the output that comes soon after its end. */
async function drainPipes(relay: Relay, { stdout, stderr }: Streams): Promise<void> {
  const done = new AbortController();
  const drained = relay.drain().then(() => done.abort());
  while (!done.signal.aborted) {
    const over = sleep(AFTERMATH, undefined, { signal: done.signal }).catch(() => undefined);
    await Promise.race([drained, over]);
    if (!stdout.writableNeedDrain && !stderr.writableNeedDrain) return done.abort();
  }
}

/** A command that is being started, or runs. */
interface Entry {
  readonly plan: ExecPlan;
  readonly streams: Streams;
  relay?: (Relay & { close(): void | Promise<void> }) | undefined;
  /** Its host PID; absent before its start and after its end. */
  pid?: number | undefined;
}

/** Makes the hooks that connect the command's streams. The code for terminals is loaded only where there is one. */
async function streamHooks(entry: Entry, stub: Stub): Promise<Pick<EnterHooks, 'openPipes' | 'takeMaster'>> {
  const { command } = entry.plan;
  const terminal = command.terminal ? await import('../stdio/terminal.ts') : undefined;
  return {
    openPipes() {
      const { relay, pipes } = openRelay(stub, entry.streams, command.stdin);
      entry.relay = relay;
      return pipes;
    },
    takeMaster(master) {
      const { stdin, stdout } = entry.streams;
      entry.relay = terminal?.relayTerminal(stub.take(master), command.stdin ? stdin : undefined, stdout);
    },
  };
}

/**
 * Runs a command in a container, which its first process identifies. A stub enters the container, and its child becomes
 * the command; streams and signals are passed on. Resolves with the command's exit status, or with 0 when a detached
 * command runs. A command that is not detached dies with this process.
 *
 * @throws CONTAINER_STATE, LAUNCH_FAILED, HOST_UNSUPPORTED, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, SYSTEM_CALL, an
 * AbortError on `signal`
 */
export async function enterContainer(
  plan: ExecPlan,
  identity: ProcessIdentity,
  { signal, streams, signals, onProcess }: EnterOptions,
): Promise<number> {
  signal?.throwIfAborted();
  await using starting = stubMeanwhile();
  const filter = compileFilter(plan.command);
  const { stub, process: child } = await starting.stub;
  const entry: Entry = { plan, streams };
  let stopped: NodeJS.Signals | undefined;
  using _ = signals?.listen((name) => {
    if (entry.pid !== undefined) signalProcess(entry.pid, name);
    else stopped ??= name;
  });
  const abort = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', abort, { once: true });
  try {
    const hooks = await streamHooks(entry, stub);
    // Signals and aborts are delivered now: all that follows until the command runs happens in one turn.
    await turn();
    signal?.throwIfAborted();
    if (stopped !== undefined) return 128 + signalNumber(stopped);
    waitInCgroups(plan.cgroups, stub.pid);
    entry.pid = startCommand(enterNamespaces(stub, plan, identity), plan, {
      ...hooks,
      filter,
      joinCgroups: (pid) => joinCgroups(plan.cgroups, pid),
    });
    onProcess?.(entry.pid);
    if (plan.detached) return 0;
    const status = await awaitEnd(stub, entry.pid);
    const { pid } = entry;
    entry.pid = undefined;
    if (status !== undefined) reap(stub, pid);
    signal?.throwIfAborted();
    if (entry.relay !== undefined)
      await (plan.command.terminal ? entry.relay.drain() : drainPipes(entry.relay, streams));
    return status ?? 128 + signalNumber('SIGKILL');
  } catch (thrown) {
    signal?.throwIfAborted();
    const error = stub.failure ?? thrown;
    throw error instanceof TsimgError ? (explainRefusal(error, readConditions()) ?? error) : error;
  } finally {
    signal?.removeEventListener('abort', abort);
    stub.close();
    await entry.relay?.close();
  }
}

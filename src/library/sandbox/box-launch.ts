import { PassThrough } from 'node:stream';
import { TsimgError } from '../../errors.ts';
import type { OnEvent } from '../../events.ts';
import type { Holder } from '../../host/box/holder.ts';
import { warmUpMoves } from '../../host/cgroup/warm-up-moves.ts';
import { liveOnce } from '../../host/life/live.ts';
import type { CommandOrders } from '../../host/start/execute-options.ts';
import { hasItEnded, identify } from '../../host/state/process-identity.ts';
import type { LaunchPlan, Step } from '../../launch/launch-plan.ts';
import { closeDescriptor } from '../../sys/file/files.ts';
import { listenOnLoopback } from '../../sys/stub/call/sockets.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import type { PreparedContainer } from '../../verbs/run/prepare-container.ts';
import { deferred } from './deferred.ts';
import { type EgressOptions, EgressProxy } from './egress/egress-proxy.ts';
import { PROXY_PORT } from './sandbox-request.ts';

/** What one launch of a sandbox is made of. */
export interface LaunchParts {
  readonly container: PreparedContainer;
  readonly holder: Holder;
  /** Present for a sandbox with an allow-list. */
  readonly egress: EgressOptions | undefined;
  readonly onEvent?: OnEvent | undefined;
}

/** How the command of a launch ended. */
export interface BoxEnd {
  readonly exitCode: number;
  /** The number of the signal that ended it. */
  readonly signal: number | undefined;
  readonly outOfMemory: boolean;
}

/** A launch whose first process has done all steps, and waits right before it becomes the command. */
export interface BoxLaunch {
  /**
   * Runs a command. Resolves when all processes have ended and all output was passed on. An abort kills them, and its
   * reason is what it rejects with.
   * @param onRunning called when the command runs
   */
  run(orders: CommandOrders, signal: AbortSignal, onRunning: () => void): Promise<BoxEnd>;
  /** Resolves when it is cleaned up, a while after its end. Never rejects. */
  readonly cleaned: Promise<unknown>;
  /** Whether its process was ended while it waited: the kernel did so where memory was short, or a user. */
  isOver(): boolean;
  /** Ends a launch that got no command. */
  discard(): Promise<void>;
}

/** Stands for streams that a launch has none of until it gets a command. */
const NO_STREAMS = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };

/** Whether a process of this program's exists, and has not ended. It is not reaped, so its number is its own. */
function isThere(pid: number): boolean {
  const identity = identify(pid);
  return identity !== undefined && !hasItEnded(identity);
}

/**
 * Leaves out version 1's cgroup mounts that no program needs: language runtimes read their limits of memory and
 * processors alone. Steps that need the cgroups come late, because the kernel takes a while to move a process.
 */
function withLateCgroups(plan: LaunchPlan): LaunchPlan {
  const isOfCgroups = (step: Step) =>
    step.do === 'cgroup-namespace' || ('target' in step && step.target.startsWith('/sys/fs/cgroup'));
  const isIdle = (step: Step) =>
    step.do === 'mount' && step.type === 'cgroup' && !/\/(memory|cpu)(,|$)/.test(step.target);
  const isLast = ({ do: does }: Step) => does === 'pivot' || does === 'chroot';
  return {
    ...plan,
    steps: [
      ...plan.steps.filter((step) => !isOfCgroups(step) && !isLast(step)),
      ...plan.steps.filter((step) => isOfCgroups(step) && !isIdle(step)),
      ...plan.steps.filter(isLast),
    ],
  };
}

/** Has the sandbox's proxy listen in the network namespace of its first process. */
async function listenInside(proxy: EgressProxy, container: Stub): Promise<void> {
  const fd = listenOnLoopback(container, PROXY_PORT);
  try {
    await proxy.listen({ fd });
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

/**
 * Prepares a launch; resolves when its first process waits.
 * @throws as `execute`
 */
export async function prepareLaunch({ container, holder, egress, onEvent }: LaunchParts): Promise<BoxLaunch> {
  warmUpMoves(container.facts.cgroups, holder.stub.pid);
  const plan = withLateCgroups(container.plan);
  const ending = new AbortController();
  const ready = deferred<void>();
  const orders = deferred<CommandOrders>();
  const over = deferred<BoxEnd>();
  let signalNumber: number | undefined;
  let pid = 0;
  let running = () => {};
  const live = async (): Promise<number> => {
    await using proxy = egress === undefined ? undefined : new EgressProxy(egress);
    return await liveOnce({ ...container, plan }, container.facts.tools, {
      streams: NO_STREAMS,
      signal: ending.signal,
      origin: holder,
      onEvent,
      async awaitOrders(stub) {
        ({ pid } = stub);
        if (proxy !== undefined) await listenInside(proxy, stub);
        ready.resolve();
        return await orders.promise;
      },
      onRunning: () => running(),
      onOver: (exitCode, outOfMemory) => over.resolve({ exitCode, signal: signalNumber, outOfMemory }),
      onKilled(number) {
        signalNumber = number;
      },
    });
  };
  const ended = live();
  let isOver = false;
  const cleaned = ended
    .then(
      // Only where its first process was killed together with its parent.
      (exitCode) => over.resolve({ exitCode, signal: signalNumber, outOfMemory: false }),
      (error: unknown) => {
        ready.reject(error);
        over.reject(error);
      },
    )
    .finally(() => {
      isOver = true;
    });
  await ready.promise;
  const end = (reason: unknown) => {
    ending.abort(reason);
    orders.reject(reason);
  };
  return {
    cleaned,
    async run(wanted, signal, onRunning) {
      const stop = () => end(signal.reason);
      running = onRunning;
      signal.addEventListener('abort', stop, { once: true });
      try {
        if (signal.aborted) stop();
        else orders.resolve(wanted);
        return await over.promise;
      } finally {
        signal.removeEventListener('abort', stop);
      }
    },
    isOver: () => isOver || !isThere(pid),
    async discard() {
      end(new TsimgError('CONTAINER_STATE', 'the sandbox was closed'));
      await cleaned;
    },
  };
}

import { liveOnce } from '../../host/life/live.ts';
import type { Streams } from '../../host/stdio/relay.ts';
import type { SignalSource } from '../../host/stdio/signal-source.ts';
import type { RunRequest } from '../../launch/plan/run-request.ts';
import { checkTerminal } from './check-request.ts';
import { type ContainerTarget, type PrepareContext, prepareContainer, retryPlain } from './prepare-container.ts';

/** The parameters of a run besides the request. */
export interface RunContext extends PrepareContext {
  /** This process's own when absent. */
  readonly streams?: Streams | undefined;
  /** The signals to pass on to the command while it runs; none when absent. */
  readonly signals?: SignalSource | undefined;
  /** Called when the image is not needed any more: the container has its root, and its command comes next. */
  readonly onStarted?: (() => void) | undefined;
  /**
   * An OCI runtime that performs the plan instead of tsimg: `crun`, `runc`, or a path. It gets this process's own
   * streams.
   */
  readonly runtime?: string | undefined;
}

/** Runs one container by an OCI runtime, which keeps its own state: tsimg keeps no container. */
async function runByRuntime(
  target: ContainerTarget,
  request: RunRequest,
  context: RunContext & { readonly runtime: string },
): Promise<number> {
  const { runInRuntime } = await import('../../host/start/run-runtime.ts');
  const life = { ...context.life, remove: true };
  const prepared = await prepareContainer(target, request, { ...context, life, detached: false });
  try {
    for (const message of prepared.plan.warnings) context.onEvent?.({ kind: 'warning', message });
    return await retryPlain(prepared, context, ({ plan, id, facts }) =>
      runInRuntime(plan, context.runtime, {
        id: `tsimg-${id.slice(0, 16)}`,
        tools: facts.tools,
        signals: context.signals,
      }),
    );
  } finally {
    await prepared.remove();
  }
}

/**
 * Runs one container in the foreground. Resolves with its command's exit status when the container has ended.
 * @throws USAGE, CONTAINER_EXISTS, LAUNCH_FAILED, HOST_UNSUPPORTED, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE,
 * LIMIT_EXCEEDED, SYSTEM_CALL: the exit status for each is `launchExitStatus`
 */
export async function runContainer(target: ContainerTarget, request: RunRequest, context: RunContext): Promise<number> {
  const streams = context.streams ?? { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr };
  checkTerminal(request, streams.stdin);
  const { signal, onEvent, signals, runtime } = context;
  if (runtime !== undefined) return await runByRuntime(target, request, { ...context, runtime });
  const prepared = await prepareContainer(target, request, { ...context, detached: false });
  try {
    return await retryPlain(prepared, context, (container) =>
      liveOnce(container, container.facts.tools, {
        signal,
        onEvent,
        signals,
        streams,
        onStarted: context.onStarted,
      }),
    );
  } finally {
    if (context.life?.remove) await prepared.remove();
    else await prepared.lock.close();
  }
}

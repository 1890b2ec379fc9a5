import { messageOf, TsimgError } from '../../errors.ts';
import { startSource, startSourceHere } from '../../verbs/run/run-source.ts';
import { afterTime, checkBound } from '../options/check-number.ts';
import {
  action,
  type Checks,
  checkArguments,
  checkCommand,
  checkOptions,
  flag,
  text,
} from '../options/check-options.ts';
import { CONTAINER_CHECKS } from '../options/container-checks.ts';
import type { ContainerOptions } from '../options/container-options.ts';
import { containerRequest, lifeOf, sourceOptions } from '../options/container-request.ts';
import type { Container } from './container.ts';
import { findAs } from './find-container.ts';
import type { LogLine } from './log-lines.ts';
import { placeOf } from './place.ts';
import { withReason } from './reason.ts';

/**
 * Resolves when a container is ready to be used, or rejects when it will not be. `tsimg/testing` has such functions; a
 * function of the caller's own does as well.
 * @param signal aborted when the wait is over: the container has ended, took too long, or is not wanted any more
 */
export type ReadyCheck = (container: Container, signal: AbortSignal) => unknown;

/** How {@link startContainer} starts a container, and when it is ready. */
export interface StartContainerOptions extends ContainerOptions {
  /** The command and its arguments. Default: the image's. */
  readonly command?: readonly string[] | undefined;
  /** A check that is awaited before the container is returned. Default: none, it is enough that the command runs. */
  readonly ready?: ReadyCheck | undefined;
  /** Milliseconds that `ready` may take; 0 or `Infinity` is no limit. Default 60000. */
  readonly readyTimeout?: number | undefined;
  /**
   * Whether the container has a monitor of its own and outlives this process, as one of `tsimg run -d`. Then it is
   * kept, unless `keep` is false. Default false: it ends with this process.
   */
  readonly detached?: boolean | undefined;
  /** When a detached container is started again: `no`, `on-failure[:times]`, `always`. Default `no`. */
  readonly restart?: string | undefined;
}

/** The checks of {@link StartContainerOptions}. */
export const START_CHECKS: Checks<StartContainerOptions> = {
  ...CONTAINER_CHECKS,
  command: (_, words) => checkCommand(words),
  ready: action,
  readyTimeout: checkBound,
  detached: flag,
  restart: text,
};

const READY_TIMEOUT = 60_000;
/** Milliseconds that a check has to say what was missing, after its time is over. */
const LAST_WORDS = 1000;
/** The last lines of the log that an error about readiness has. */
const LAST_LINES = 20;

async function lastLines(container: Container): Promise<readonly LogLine[]> {
  const lines: LogLine[] = [];
  for await (const line of container.logs({ tail: LAST_LINES })) lines.push(line);
  return lines.slice(-LAST_LINES);
}

/**
 * The error for a container that did not become ready, with the end of its log.
 * @param isLate whether more time might have helped
 */
async function notReady(
  container: Container,
  reasons: readonly string[],
  { cause, isLate }: { readonly cause: unknown; readonly isLate: boolean },
): Promise<TsimgError> {
  // The reason is told without the log, where the check has removed the container, for one.
  const lines = (await lastLines(container).catch(() => [])).map(({ text }) => text);
  const last = lines.at(-1);
  return new TsimgError('LAUNCH_FAILED', 'the container did not become ready', {
    where: container.name,
    why: [...reasons, ...(last === undefined ? [] : [`its last line is: ${last}`])].join('; '),
    hint: `facts.log of this error has its last lines${isLate ? '; readyTimeout gives it more time' : ''}`,
    facts: { log: lines },
    cause,
  });
}

/** Waits a while for a check that was given up: it rejects with what it waited for. */
function lastWords(checked: Promise<unknown> | undefined): Promise<unknown> {
  return new Promise((resolve) => {
    const endTimer = afterTime(LAST_WORDS, () => resolve(undefined));
    const tell = (words: unknown) => {
      endTimer();
      resolve(words);
    };
    Promise.resolve(checked).then(() => tell(undefined), tell);
  });
}

/** Waits until the container is ready. @throws LAUNCH_FAILED with `facts.log`; the reason of `signal` */
async function becomeReady(container: Container, options: StartContainerOptions): Promise<void> {
  const { ready, readyTimeout = READY_TIMEOUT, signal } = options;
  if (ready === undefined) return;
  const over = new AbortController();
  let isLate = false;
  const endTimer = afterTime(readyTimeout, () => {
    isLate = true;
    over.abort(new Error(`it took more than ${readyTimeout} ms`));
  });
  const stop = () => over.abort(signal?.reason);
  signal?.addEventListener('abort', stop, { once: true });
  const ended = container.wait({ signal: over.signal }).then((exitCode) => {
    over.abort(new Error(`it ended with status ${exitCode}`));
  });
  // It was removed, say. After the end of the wait, this changes nothing.
  ended.catch((error: unknown) => over.abort(error));
  const aborted = new Promise<never>((_, reject) => {
    over.signal.addEventListener('abort', () => reject(over.signal.reason), { once: true });
  });
  let checked: Promise<unknown> | undefined;
  const check = () => {
    checked = (async () => await ready(container, over.signal))();
    checked.catch(() => {});
    return checked;
  };
  try {
    signal?.throwIfAborted();
    await Promise.race([check(), aborted]);
  } catch (error) {
    signal?.throwIfAborted();
    if (!over.signal.aborted) throw await notReady(container, [messageOf(error)], { cause: error, isLate });
    // A check that was given up can say what it waited for.
    const told = await lastWords(checked);
    const { reason: cause } = over.signal;
    const isAbort = told === cause || (told instanceof Error && told.name === 'AbortError');
    const missing = told instanceof Error && !isAbort ? [told.message] : [];
    throw await notReady(container, [messageOf(cause), ...missing], { cause, isLate });
  } finally {
    endTimer();
    signal?.removeEventListener('abort', stop);
    aborted.catch(() => {});
    over.abort();
  }
}

/**
 * Starts a container and resolves when its command runs, and `ready` says so. It runs in this process, without a
 * monitor: it ends with the `await using` block that it is made in, when it is removed, or when this process ends in
 * any way, kill -9 among them. An abort of `signal` ends it too. A failure leaves no container.
 * @param source a SOURCE (a reference is pulled where it is missing), or a directory with a root filesystem
 * @throws USAGE, CONTAINER_EXISTS, HOST_UNSUPPORTED, LAUNCH_FAILED (of `ready` too, with the last lines of the log in
 * `facts.log`), COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, SYSTEM_CALL, LIMIT_EXCEEDED, the reason of `signal`, and the
 * errors of {@link openImage} and {@link pullToStore}
 * @example
 * await using web = await startContainer('nginx:1.27', { ports: [80] });
 * const page = await fetch(`http://${web.endpoint(80).authority}/`);
 */
export async function startContainer(source: string, options: StartContainerOptions = {}): Promise<Container> {
  checkArguments(source, options?.command ?? []);
  checkOptions('startContainer', options, START_CHECKS);
  const { command = [], detached = false, keep = detached, restart, signal, ...others } = options;
  if (restart !== undefined && restart !== 'no' && !detached) {
    throw new TsimgError('USAGE', 'restart is for detached containers', {
      why: 'this process has no monitor that starts it again',
      hint: 'set detached to true',
    });
  }
  const request = containerRequest(command, options);
  const life = { ...lifeOf(options), restart };
  const choice = { ...sourceOptions(others), life, signal };
  const id = await withReason(signal, async () =>
    detached
      ? await startSource(source, request, choice)
      : (await startSourceHere(source, request, { ...choice, untilExit: !keep })).id,
  );
  const container = await findAs(id, placeOf(options.root), keep);
  try {
    await becomeReady(container, options);
  } catch (error) {
    // Why it is not ready is not hidden by a failure to remove it: `tsimg ps -a` shows what stays.
    await container.remove().catch(() => undefined);
    throw error;
  }
  return container;
}

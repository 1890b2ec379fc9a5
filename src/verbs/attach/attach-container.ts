import { closeSync, constants, openSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { errnoOf, TsimgError } from '../../errors.ts';
import { awaitContainerEnd, containersFolder, type FoundContainer, readContainer } from '../../host/state/container.ts';
import { findContainer } from '../../host/state/find-container.ts';
import { type AttachEnd, type Attachment, attachTo } from '../../host/stdio/attach-to.ts';
import { DEFAULT_DETACH_KEYS, parseDetachKeys } from '../../host/stdio/detach-keys.ts';
import type { Streams } from '../../host/stdio/relay.ts';
import { type SignalSource, signalNumber } from '../../host/stdio/signal-source.ts';
import { completeRequest, type RunInput, type RunRequest } from '../../launch/plan/run-request.ts';
import { CONTAINER_NAME } from '../../store-layout.ts';
import { isPaused } from '../life/pause-container.ts';
import { notRunning, signalCommand } from '../life/signal-container.ts';
import { type ContainersContext, statePlace } from '../places.ts';
import { startEnded } from '../run/restart-container.ts';
import { type RunSourceOptions, startSource } from '../run/run-source.ts';

/** How a caller is attached to a container. */
export interface AttachRequest {
  /** This process's own when absent. */
  readonly streams?: Streams | undefined;
  /** Whether input is passed on. Default true, where the container reads its input (`-i`). */
  readonly input?: boolean | undefined;
  /** The signals to pass on to the command, of a container without a terminal; none when absent. */
  readonly signals?: SignalSource | undefined;
  /** The keys that end the attachment to a terminal. Default `ctrl-p,ctrl-q`; '' for none. */
  readonly detachKeys?: string | undefined;
}

/** Returns the way to attach to a container with a request. @throws USAGE */
function attacher(request: RunRequest, { streams, input = true, detachKeys = DEFAULT_DETACH_KEYS }: AttachRequest) {
  const { terminal, interactive } = request;
  const around = {
    streams: streams ?? { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr },
    input: input && interactive,
    terminal,
    detachKeys: parseDetachKeys(detachKeys),
  };
  const { stdin } = around.streams;
  if (around.input && terminal && !('isTTY' in stdin && stdin.isTTY === true)) {
    throw new TsimgError('USAGE', 'standard input is not a terminal', {
      hint: 'the container has one (-t): call this in a terminal, or attach with --no-stdin',
    });
  }
  return (stream: Duplex) => attachTo(stream, around);
}

/** Connects with the monitor of a container. @throws CONTAINER_STATE where it serves no streams */
async function connect({ directory, record }: FoundContainer): Promise<Socket> {
  const folder = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const socket = createConnection(`/proc/self/fd/${folder}/${CONTAINER_NAME.attach}`);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return socket;
  } catch (cause) {
    if (!['ENOENT', 'ECONNREFUSED', 'EACCES'].includes(errnoOf(cause) ?? '')) throw cause;
    throw new TsimgError('CONTAINER_STATE', 'the container cannot be attached to', {
      where: record.name,
      why: record.detached ? 'no monitor serves its streams' : 'it runs in the foreground of another tsimg',
      hint: 'start it in the background (tsimg run -d); tsimg exec runs another command in it',
      cause,
    });
  } finally {
    closeSync(folder);
  }
}

/** A container whose end is waited for. */
interface Followed {
  readonly folder: string;
  readonly id: string;
  readonly terminal: boolean;
  /** Whether it may be started again after its end. */
  readonly restarts: boolean;
}

function followed({ folder, record: { id, request, restart } }: FoundContainer): Followed {
  return { folder, id, terminal: request.terminal, restarts: restart.when !== 'no' };
}

/** The status of a container whose monitor was killed; undefined where it goes on. */
async function exitCodeOfLost({ folder, id }: Followed): Promise<number | undefined> {
  const now = await readContainer(folder, id);
  return now?.alive ? undefined : (now?.state.exitCode ?? 255);
}

/** Waits for the end of an attachment, and of a container that is not started again. */
async function follow(
  container: Followed,
  attachment: Attachment,
  { signals }: AttachRequest,
  abort: AbortSignal | undefined,
): Promise<AttachEnd> {
  const { folder, id, terminal, restarts } = container;
  const pass = async (name: NodeJS.Signals) => {
    const now = await readContainer(folder, id);
    if (now !== undefined) signalCommand(now, signalNumber(name));
  };
  const close = () => attachment.close();
  abort?.addEventListener('abort', close, { once: true });
  // A failure to pass a signal on is the container's end, or no permission: the caller goes on.
  const listening = terminal ? undefined : signals?.listen((name) => void pass(name).catch(() => undefined));
  try {
    attachment.openInput();
    const end = await attachment.end;
    abort?.throwIfAborted();
    if (end.kind === 'ended' && !restarts) await awaitContainerEnd({ directory: join(folder, id) }, abort);
    if (end.kind !== 'lost') return end;
    const exitCode = await exitCodeOfLost(container);
    return exitCode === undefined ? end : { kind: 'ended', exitCode };
  } finally {
    listening?.[Symbol.dispose]();
    abort?.removeEventListener('abort', close);
    attachment.close();
  }
}

/**
 * Attaches streams to a running detached container until it ends, or until the detach keys are typed. The container's
 * output so far is in its log.
 * @throws CONTAINER_NOT_FOUND, CONTAINER_AMBIGUOUS; CONTAINER_STATE where it does not run, is paused, or runs in the
 * foreground; USAGE; the reason of the context's `signal`, after which the container goes on
 */
export async function attachToContainer(
  wanted: string,
  request: AttachRequest,
  { stateRoot, signal }: ContainersContext,
): Promise<AttachEnd> {
  const container = await findContainer(containersFolder(stateRoot), wanted);
  if (!container.alive) throw notRunning(container);
  if (container.paused) throw isPaused(container);
  const attach = attacher(container.record.request, request);
  return await follow(followed(container), attach(await connect(container)), request, signal);
}

/**
 * Starts a container, as `startEnded` does, with streams attached from its start on. A running one is attached to.
 * @throws as `startEnded` and `attachToContainer`
 */
export async function startAttached(
  wanted: string,
  request: AttachRequest,
  context: ContainersContext,
): Promise<AttachEnd> {
  const container = await findContainer(containersFolder(context.stateRoot), wanted);
  const attach = attacher(container.record.request, request);
  let attachment: Attachment | undefined;
  await startEnded(container.record.id, context, (stream) => {
    attachment = attach(stream);
  });
  return await follow(followed(container), attachment ?? attach(await connect(container)), request, context.signal);
}

/**
 * Runs a container in the background, as `startSource` does, with streams attached from its start on: unlike one of
 * `runSource`, it outlives this process when the detach keys are typed.
 * @throws as `startSource` and `attachToContainer`
 */
export async function runAttached(
  source: string,
  input: RunInput,
  request: AttachRequest,
  options: RunSourceOptions,
): Promise<AttachEnd> {
  const complete = completeRequest(input);
  const attach = attacher(complete, request);
  let attachment: Attachment | undefined;
  const id = await startSource(source, input, options, (stream) => {
    attachment = attach(stream);
  });
  if (attachment === undefined) throw new RangeError('the container was started without its streams');
  const { terminal } = complete;
  const restarts = (options.life?.restart ?? 'no') !== 'no';
  const container = { folder: containersFolder(statePlace(options)), id, terminal, restarts };
  return await follow(container, attachment, request, options.signal);
}

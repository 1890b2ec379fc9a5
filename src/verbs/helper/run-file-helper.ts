import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { DESCRIPTOR } from '../../host/start/channel.ts';
import { type HelperNamespaces, startHelper } from '../../host/start/start-helper.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import { receiveError } from '../../sys/portable-error.ts';
import { type FileMessage, type FileRequest, isFileMessage } from './file-request.ts';

const ENTRY = [process.execPath, fileURLToPath(new URL('../../programs/file-helper.cjs', import.meta.url))];

/** Milliseconds that the helper gets to report an error of its own after a transfer failed. */
const GRACE = 1000;

/** How a request is performed, and where its results go. */
export interface FileHelperWork {
  readonly namespaces: HelperNamespaces;
  readonly tools: HostTools;
  /** Called with each message that is a result: no event, no error, no end. */
  readonly onMessage?: (message: FileMessage) => void;
  /** Reads the archive from the stream, or writes it there, to its end. */
  readonly archive?: (stream: Duplex) => Promise<void>;
  /** Descriptor of a running container's root, which the helper gets as `DESCRIPTOR.root`. */
  readonly root?: number | undefined;
}

/**
 * Performs a request in the file helper, a process with the container's IDs.
 * @throws what the request throws in the helper; HOST_UNSUPPORTED, LAUNCH_FAILED; an AbortError on `signal`
 */
export async function runFileHelper(
  request: FileRequest,
  { namespaces, tools, onMessage, archive, root }: FileHelperWork,
  { signal, onEvent }: Context,
): Promise<void> {
  const { process, messages, complaints } = await startHelper(
    { namespaces, tools, args: ENTRY },
    { more: 1, given: root, isMessage: isFileMessage },
  );
  const kill = () => process.kill('SIGKILL');
  signal?.addEventListener('abort', kill, { once: true });
  let failure: Error | undefined;
  let isDone = false;
  const listen = async () => {
    try {
      for await (const message of messages) {
        if (message.kind === 'event') onEvent?.(message.event);
        else if (message.kind === 'error') failure = receiveError(message.error);
        else if (message.kind === 'done') isDone = true;
        else onMessage?.(message);
      }
    } catch (error) {
      kill();
      throw error;
    }
  };
  const transfer = async () => {
    try {
      await archive?.(process.stream(DESCRIPTOR.archive));
    } catch (error) {
      // The helper may be about to report its own error, which says more.
      setTimeout(kill, GRACE).unref();
      throw error;
    }
  };
  try {
    const control = process.stream(DESCRIPTOR.control);
    const stream = process.stream(DESCRIPTOR.archive);
    // A broken pipe means that the helper has ended: its messages or its end say why.
    for (const each of [control, stream]) each.on('error', () => {});
    control.end(JSON.stringify(request));
    const [sent, heard] = await Promise.allSettled([transfer(), listen()]);
    await process.ended;
    signal?.throwIfAborted();
    // The helper's own error says more than a transfer that broke off.
    if (failure !== undefined) throw failure;
    if (heard.status === 'rejected') throw heard.reason;
    if (sent.status === 'rejected') throw sent.reason;
    if (!isDone)
      throw new TsimgError('LAUNCH_FAILED', 'the process that works on the container’s files ended early', {
        why: (await complaints).trim(),
      });
  } finally {
    signal?.removeEventListener('abort', kill);
    kill();
  }
}

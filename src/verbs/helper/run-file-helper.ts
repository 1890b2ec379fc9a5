import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { DESCRIPTOR } from '../../host/start/channel.ts';
import { type HelperNamespaces, startHelper } from '../../host/start/user-namespace.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import { receiveError } from '../../sys/portable-error.ts';
import { type FileMessage, type FileRequest, isFileMessage } from './file-request.ts';

const ENTRY = [process.execPath, fileURLToPath(new URL('../../programs/file-helper.cjs', import.meta.url))];

/** Milliseconds from a failed transfer to the end of the process that it was for. */
const GRACE = 1000;

/** What comes of a request: messages but for events and the end, and the archive, which must be read or written to its end. */
export interface FileHelperWork {
  readonly namespaces: HelperNamespaces;
  readonly tools: HostTools;
  /** Is told each message that is a result. */
  readonly onMessage?: (message: FileMessage) => void;
  /** Takes or gives the archive; its end is awaited. */
  readonly archive?: (stream: Duplex) => Promise<void>;
  /** The root of a container that runs, which it gets as `DESCRIPTOR.root`. */
  readonly root?: number | undefined;
}

/**
 * Has a request performed by a process with the container's IDs.
 * @throws what it throws there, HOST_UNSUPPORTED, LAUNCH_FAILED, an AbortError on `signal`
 */
export async function runFileHelper(
  request: FileRequest,
  { namespaces, tools, onMessage, archive, root }: FileHelperWork,
  { signal, onEvent }: Context,
): Promise<void> {
  const { process, messages, complaints } = await startHelper(namespaces, tools, ENTRY, {
    more: 1,
    given: root,
    isMessage: isFileMessage,
  });
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
      // It may be about to say why it went away; else it is told to.
      setTimeout(kill, GRACE).unref();
      throw error;
    }
  };
  try {
    const control = process.stream(DESCRIPTOR.control);
    const stream = process.stream(DESCRIPTOR.archive);
    // When it stops reading, it has ended: its end says why.
    for (const each of [control, stream]) each.on('error', () => {});
    control.end(JSON.stringify(request));
    const [sent, heard] = await Promise.allSettled([transfer(), listen()]);
    await process.ended;
    signal?.throwIfAborted();
    // What it says tells more than that it went away in the middle of the archive.
    if (failure !== undefined) throw failure;
    if (heard.status === 'rejected') throw heard.reason;
    if (sent.status === 'rejected') throw sent.reason;
    if (!isDone) throw new TsimgError('LAUNCH_FAILED', 'the work ended early', { why: (await complaints).trim() });
  } finally {
    signal?.removeEventListener('abort', kill);
    kill();
  }
}

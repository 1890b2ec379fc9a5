import { parentPort, workerData } from 'node:worker_threads';
import { portableError } from '../../sys/portable-error.ts';
import type { LayerContext } from './layer-context.ts';
import { packEntries } from './pack-entries.ts';
import { ReadingCount, readVerified } from './read-verified.ts';
import { SENT_BYTES, SENT_CHUNKS, type ThreadAnswer, type ThreadRequest } from './thread-messages.ts';

// The program of a `LayerThread`: it reads layers from files, or from memory into which the main thread writes them.

/** Chunks of a layer that were sent and are not read yet. */
interface Inbox {
  readonly lengths: number[];
  state: 'open' | 'ended' | 'stopped';
  /** Wakes the reader: there is a chunk, or an end. */
  wake(): void;
}

/** Entries in one message. */
const BATCH = 4096;
/** Bytes between two messages about progress. */
const PROGRESS_BYTES = 4 * 1024 * 1024;

const port = parentPort;
if (port === null || !(workerData instanceof SharedArrayBuffer)) throw new Error('layer-worker runs in a thread');
const reading = new ReadingCount(workerData);
const inboxes = new Map<number, Inbox>();

function tell(answer: ThreadAnswer, transfer: ArrayBuffer[] = []): void {
  port?.postMessage(answer, transfer);
}

function refuseStopped({ state }: Inbox): void {
  if (state === 'stopped') throw new Error('the layer is not wanted any more');
}

/**
 * Yields chunks as they are sent. A chunk is given back when the second one after it is asked for (see
 * `decompressChunks`), and several at a time, because waking the other side takes as long as reading half a chunk.
 */
async function* readSent(job: number, inbox: Inbox, memory: SharedArrayBuffer): AsyncGenerator<Uint8Array> {
  let givenBack = 0;
  const giveBack = (until: number, atLeast: number) => {
    const chunks = until - givenBack;
    if (chunks < atLeast) return;
    givenBack = until;
    tell({ kind: 'taken', job, chunks });
  };
  for (let count = 0; ; ) {
    refuseStopped(inbox);
    const length = inbox.lengths.shift();
    if (length !== undefined) {
      giveBack(count - 1, SENT_CHUNKS / 2);
      yield Buffer.from(memory, (count % SENT_CHUNKS) * SENT_BYTES, length);
      count += 1;
    } else if (inbox.state === 'ended') {
      return;
    } else {
      giveBack(count - 1, 1);
      await new Promise<void>((resolve) => {
        inbox.wake = resolve;
      });
    }
  }
}

async function run({ job, options, from }: ThreadRequest & { kind: 'layer' }, inbox: Inbox): Promise<void> {
  let last = 0;
  const onBytes = (done: number) => {
    refuseStopped(inbox);
    if (done - last < PROGRESS_BYTES && 'size' in from && done < from.size) return;
    last = done;
    tell({ kind: 'progress', job, done });
  };
  const onTrailing = () => tell({ kind: 'trailing', job });
  // A `stop` takes the place of a signal, which cannot be sent
  const context: LayerContext = { options, signal: undefined, onBytes, onTrailing };
  const bytes = 'memory' in from ? { chunks: readSent(job, inbox, from.memory), promised: from.promised } : from;
  try {
    const { entries, ...layer } = await readVerified(bytes, context, reading);
    for (const packed of packEntries(entries, BATCH)) {
      tell({ kind: 'entries', job, entries: packed }, [packed.numbers.buffer]);
    }
    tell({ kind: 'extracted', job, layer });
  } catch (error) {
    tell({ kind: 'failed', job, error: portableError(error) });
  } finally {
    inboxes.delete(job);
  }
}

port.on('message', (request: ThreadRequest) => {
  if (request.kind === 'layer') {
    const inbox: Inbox = { lengths: [], state: 'open', wake: () => {} };
    inboxes.set(request.job, inbox);
    void run(request, inbox);
    return;
  }
  const inbox = inboxes.get(request.job);
  // The job has failed while this was on its way
  if (inbox === undefined) return;
  if (request.kind === 'chunk') inbox.lengths.push(request.bytes);
  else inbox.state = request.kind === 'end' ? 'ended' : 'stopped';
  inbox.wake();
});

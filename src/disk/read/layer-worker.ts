import { parentPort, workerData } from 'node:worker_threads';
import { portableError } from '../../sys/portable-error.ts';
import { ReadingCount, storeFrom } from './layer-reader.ts';
import { packEntries } from './pack-entries.ts';
import { SENT_BYTES, SENT_CHUNKS, type ThreadAnswer, type ThreadRequest } from './thread-messages.ts';

// A thread of its own: it decompresses, digests and stores layers that it reads from files or is sent.

/** What was sent for a layer and not read yet. */
interface Inbox {
  readonly lengths: number[];
  state: 'open' | 'ended' | 'stopped';
  /** Called when there is something new. */
  wake(): void;
}

/** Entries that are sent at a time. */
const BATCH = 4096;
/** Bytes between two words about progress. */
const PROGRESS_BYTES = 4 * 1024 * 1024;

const port = parentPort;
if (port === null || !(workerData instanceof SharedArrayBuffer)) throw new Error('layer-worker runs in a thread');
const reading = new ReadingCount(workerData);
const inboxes = new Map<number, Inbox>();

function tell(answer: ThreadAnswer, transfer: ArrayBuffer[] = []): void {
  port?.postMessage(answer, transfer);
}

function refuseStopped({ state }: Inbox): void {
  if (state === 'stopped') throw new Error('nobody wants the layer any more');
}

/**
 * Chunks as they are sent. One is given back when the second after it is asked for (see `decompressChunks`), and some at a time:
 * to wake the other side takes as long as to read half a chunk.
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
  let told = 0;
  const onBytes = (done: number) => {
    refuseStopped(inbox);
    if (done - told < PROGRESS_BYTES && 'size' in from && done < from.size) return;
    told = done;
    tell({ kind: 'progress', job, done });
  };
  const onTrailing = () => tell({ kind: 'trailing', job });
  const bytes = 'memory' in from ? { chunks: readSent(job, inbox, from.memory), promised: from.promised } : from;
  try {
    const { entries, ...layer } = await storeFrom(bytes, options, { onBytes, onTrailing }, reading);
    for (const packed of packEntries(entries, BATCH)) {
      tell({ kind: 'entries', job, entries: packed }, [packed.numbers.buffer]);
    }
    tell({ kind: 'stored', job, layer });
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
  // What is still on its way to a job that has failed
  if (inbox === undefined) return;
  if (request.kind === 'chunk') inbox.lengths.push(request.bytes);
  else inbox.state = request.kind === 'end' ? 'ended' : 'stopped';
  inbox.wake();
});

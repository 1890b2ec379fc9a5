import { availableParallelism } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { CHUNK_BYTES, giveChunks, takeChunk } from '../streams/chunk-memory.ts';
import { packEntries } from './pack-entries.ts';
import { readFileSection } from './read-file-section.ts';
import { storeLayer } from './store-layer.ts';
import { CHUNKS, type ThreadAnswer, type ThreadRequest, toThreadError } from './thread-messages.ts';
import { verifiedChunks } from './verified-chunks.ts';

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

/** How many layers all threads together are reading. */
const reading = new Int32Array(workerData instanceof SharedArrayBuffer ? workerData : new SharedArrayBuffer(4));
const cores = availableParallelism();
const hasFreeCore = () => Atomics.load(reading, 0) < cores;

const port = parentPort;
if (port === null) throw new Error('layer-worker runs in a thread');
const inboxes = new Map<number, Inbox>();

function tell(answer: ThreadAnswer, transfer: ArrayBuffer[] = []): void {
  port?.postMessage(answer, transfer);
}

function stopped(): Error {
  return new Error('nobody wants the layer any more');
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
    if (inbox.state === 'stopped') throw stopped();
    const length = inbox.lengths.shift();
    if (length !== undefined) {
      giveBack(count - 1, CHUNKS / 2);
      yield Buffer.from(memory, (count % CHUNKS) * CHUNK_BYTES, length);
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

async function* unlessStopped(inbox: Inbox, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    if (inbox.state === 'stopped') throw stopped();
    yield chunk;
  }
}

function chunksOf(
  { job, from, options }: ThreadRequest & { kind: 'layer' },
  inbox: Inbox,
  memory: readonly Buffer[],
): AsyncIterable<Uint8Array> {
  if ('memory' in from) return readSent(job, inbox, from.memory);
  let told = 0;
  const onBytes = (done: number) => {
    if (done - told < PROGRESS_BYTES && done < from.size) return;
    told = done;
    tell({ kind: 'progress', job, done });
  };
  return unlessStopped(inbox, readFileSection(from, memory, options.where, onBytes));
}

async function run(request: ThreadRequest & { kind: 'layer' }, inbox: Inbox): Promise<void> {
  const { job, options, from } = request;
  // Given back when the layer is done with: whoever decompresses may look at the last chunks until then
  const memory = 'memory' in from ? [] : [takeChunk(), takeChunk(), takeChunk()];
  Atomics.add(reading, 0, 1);
  try {
    const onTrailing = () => tell({ kind: 'trailing', job });
    const chunks = chunksOf(request, inbox, memory);
    const promised = 'memory' in from ? from.promised : from;
    const verified = promised && verifiedChunks(chunks, promised);
    const { entries, ...layer } = await storeLayer(verified ?? chunks, options, onTrailing, hasFreeCore);
    verified?.confirm();
    for (const packed of packEntries(entries, BATCH)) {
      tell({ kind: 'entries', job, entries: packed }, [packed.numbers.buffer]);
    }
    tell({ kind: 'stored', job, layer });
  } catch (error) {
    tell({ kind: 'failed', job, error: toThreadError(error) });
  } finally {
    Atomics.sub(reading, 0, 1);
    giveChunks(memory);
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

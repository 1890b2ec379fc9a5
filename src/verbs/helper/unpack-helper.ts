import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { LayerInput } from '../../disk/read/read-layer.ts';
import type { TsimgEvent } from '../../events.ts';
import { DESCRIPTOR } from '../../host/start/channel.ts';
import { parseMessage } from '../../host/stdio/read-messages.ts';
import { portableError } from '../../sys/portable-error.ts';
import { nextStream, readFrames } from './frames.ts';
import { performUnpack } from './perform-unpack.ts';
import { isUnpackRequest, type UnpackMessage } from './unpack-request.ts';

// A program of its own: as root in the user namespace of an ordinary user, it unpacks layers that the user's process
// sends. Its input is a request in JSON, then the layers, each as a stream of frames.

function tell(message: UnpackMessage): void {
  writeSync(DESCRIPTOR.status, `${JSON.stringify(message)}\n`);
}

async function unpack(input: Socket): Promise<void> {
  const frames = readFrames(input);
  const request = parseMessage(await text(nextStream(frames)), isUnpackRequest);
  let before: Promise<unknown> = Promise.resolve();
  const layers = request.layers.map((layer): LayerInput => ({ ...layer, open }));
  /** Layers may be opened in any order, but their streams come one after the other: each waits for its turn. */
  async function open(): Promise<Readable> {
    const turn = before;
    let end: (value?: unknown) => void = () => {};
    before = new Promise((resolve) => {
      end = resolve;
    });
    await turn;
    return nextStream(frames).once('close', end);
  }
  const abort = new AbortController();
  process.once('SIGTERM', () => abort.abort());
  const onEvent = (event: TsimgEvent) => tell({ kind: 'event', event });
  const report = await performUnpack({ ...request, layers }, { onEvent, signal: abort.signal });
  tell({ kind: 'done', report: { ...report, tolerated: [...report.tolerated] } });
}

async function main(): Promise<void> {
  const input = new Socket({ fd: DESCRIPTOR.control, readable: true, writable: false });
  try {
    await unpack(input);
  } catch (error) {
    tell({ kind: 'error', error: portableError(error) });
  } finally {
    input.destroy();
  }
}

/** Settles when the work is done. */
export const done = main();

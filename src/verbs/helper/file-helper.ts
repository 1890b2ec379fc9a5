import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { contentSize } from '../../disk/scan/content-size.ts';
import { messageOf } from '../../errors.ts';
import { DESCRIPTOR } from '../../host/start/channel.ts';
import { parseMessage } from '../../host/stdio/read-messages.ts';
import { portableError } from '../../sys/portable-error.ts';
import { type TarEntryToWrite, tarChunks } from '../../tar/write/tar-chunks.ts';
import { copyIn, copyOut } from './copy-work.ts';
import { type FileMessage, type FileRequest, isFileRequest } from './file-request.ts';
import { listChanges, writeLayer } from './layer-work.ts';
import { makeVolumes } from './volume-work.ts';

// A program of its own: as root, or as root in the user namespace of an ordinary user, it reads and writes a
// container's files from outside of the container. Its input is a request in JSON.

function tell(message: FileMessage): void {
  writeSync(DESCRIPTOR.status, `${JSON.stringify(message)}\n`);
}

const warn = (message: string) => tell({ kind: 'event', event: { kind: 'warning', message } });
const archive = new Socket({ fd: DESCRIPTOR.archive, readable: true, writable: true, allowHalfOpen: true });

async function send(entries: AsyncIterable<TarEntryToWrite>): Promise<void> {
  await pipeline(Readable.from(tarChunks(entries), { objectMode: false }), archive, { end: false });
}

function tellSize(path: string): void {
  try {
    tell({ kind: 'size', path, bytes: contentSize(path) });
  } catch (error) {
    warn(`the size of files is not known: ${messageOf(error)}`);
  }
}

async function perform(request: FileRequest): Promise<void> {
  switch (request.do) {
    case 'changes':
      for (const change of await listChanges(request.of)) tell({ kind: 'change', change });
      return;
    case 'sizes':
      for (const path of request.paths) tellSize(path);
      return;
    case 'layer':
      return await writeLayer(request, warn, send);
    case 'fill-volumes':
      return await makeVolumes(request, warn);
    case 'copy-in':
      return await copyIn(request, archive, warn);
    case 'copy-out':
      return await copyOut(request, warn, send);
  }
}

async function main(): Promise<void> {
  try {
    process.umask(0);
    const control = new Socket({ fd: DESCRIPTOR.control, readable: true, writable: false });
    await perform(parseMessage(await text(control), isFileRequest));
    tell({ kind: 'done' });
  } catch (error) {
    tell({ kind: 'error', error: portableError(error) });
  } finally {
    // The process stays until its output is sent. Input that was not read does not keep it.
    archive.end();
    archive.unref();
  }
}

/** Settles when the work is done. */
export const done = main();

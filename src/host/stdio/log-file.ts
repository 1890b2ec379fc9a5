import { closeSync, constants, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { errnoOf } from '../../errors.ts';
import { CONTAINER_NAME } from '../../store-layout.ts';

// A container's output in the format of Kubernetes' runtimes and podman: `TIME stdout F text` a line, with P instead of
// F where the line continues in the stream's next entry. The writes are synchronous, so no output is lost when this
// process dies.

/** The size at which `log` is renamed to `log.1`, in the place of the one before: bytes. */
const MAX_BYTES = 10 * 1024 * 1024;

export const LOG_FILE = CONTAINER_NAME.log;
export const OLD_LOG_FILE = `${CONTAINER_NAME.log}.1`;

/** The log of a detached container. */
export interface LogFile extends Disposable {
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/** Formats a piece of output as entries, one a line. The last line may be unfinished. */
function entries(stream: 'stdout' | 'stderr', chunk: Buffer, time: string): Buffer {
  const parts: Buffer[] = [];
  const add = (text: Buffer, tag: 'F' | 'P') =>
    parts.push(Buffer.from(`${time} ${stream} ${tag} `), text, Buffer.from('\n'));
  let start = 0;
  for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
    add(chunk.subarray(start, end), 'F');
    start = end + 1;
  }
  if (start < chunk.length) add(chunk.subarray(start), 'P');
  return Buffer.concat(parts);
}

/** Opens the log of a container to append to it. @param maxBytes the size of each of its two files at most */
export function openLogFile(directory: string, maxBytes = MAX_BYTES): LogFile {
  const path = join(directory, LOG_FILE);
  const open = () => openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT, 0o600);
  let fd = open();
  let { size } = fstatSync(fd);
  const append = (bytes: Buffer) => {
    if (size > 0 && size + bytes.length > maxBytes) {
      closeSync(fd);
      renameSync(path, join(directory, OLD_LOG_FILE));
      fd = open();
      size = 0;
    }
    let rest = bytes;
    while (rest.length > 0) rest = rest.subarray(writeSync(fd, rest));
    size += bytes.length;
  };
  const streamOf = (name: 'stdout' | 'stderr') =>
    new Writable({
      write(chunk: Buffer, _, done) {
        try {
          append(entries(name, chunk, new Date().toISOString()));
        } catch (error) {
          // On a full disk, output is dropped and the container goes on.
          if (!['ENOSPC', 'EDQUOT'].includes(errnoOf(error) ?? '')) throw error;
        }
        done();
      },
    });
  return { stdout: streamOf('stdout'), stderr: streamOf('stderr'), [Symbol.dispose]: () => closeSync(fd) };
}

import { join } from 'node:path';
import { openRegularFile } from '../sys/regular-file.ts';
import type { Files } from './files.ts';

/**
 * Files below a directory that somebody else wrote. Symbolic links, pipes and devices are refused: a blob that is a link
 * could make tsimg, run by root, read what its owner cannot.
 */
export function directoryFiles(path: string): Files {
  return {
    label: path,
    async size(name) {
      const file = await openRegularFile(join(path, name));
      await file?.handle.close();
      return file?.stats.size;
    },
    async open(name, signal) {
      const file = await openRegularFile(join(path, name));
      return file?.handle.createReadStream({ signal, highWaterMark: 256 * 1024 });
    },
    async locate(name) {
      const file = await openRegularFile(join(path, name));
      if (file === undefined) return undefined;
      const { handle, stats } = file;
      return { descriptor: handle.fd, offset: 0, size: stats.size, close: () => handle.close() };
    },
    close: async () => {},
  };
}

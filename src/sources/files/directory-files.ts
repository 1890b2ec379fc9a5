import { openRegularFileBelow, readRegularFileBelow } from '../../sys/file/regular-file.ts';
import type { Files } from './files.ts';

/**
 * Files below a directory that another user wrote. Pipes, devices and symbolic links that lead out of the directory are
 * refused: by such a link, tsimg run by root could read files that the directory's owner cannot. Links inside are
 * followed.
 */
export function directoryFiles(path: string): Files {
  return {
    label: path,
    async size(name) {
      const file = await openRegularFileBelow(path, name);
      await file?.handle.close();
      return file?.stats.size;
    },
    read: (name, most) => readRegularFileBelow(path, name, most),
    async open(name, signal) {
      const file = await openRegularFileBelow(path, name);
      return file?.handle.createReadStream({ signal, highWaterMark: 256 * 1024 });
    },
    async locate(name) {
      const file = await openRegularFileBelow(path, name);
      if (file === undefined) return undefined;
      const { handle, stats } = file;
      return { descriptor: handle.fd, offset: 0, size: stats.size, close: () => handle.close() };
    },
    close: async () => {},
  };
}

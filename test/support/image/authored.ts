import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AuthorOptions } from '../../../src/verbs/author/author-options.ts';
import { openImage } from '../../../src/verbs/image/open-image.ts';
import { unpackImage } from '../../../src/verbs/rootfs/unpack.ts';
import { ORDINARY } from '../host/as-user.ts';
import { tempDir } from '../temp-dir.ts';
import { makeImage } from './image.ts';
import { named, writeLayout } from './layout.ts';
import { charDevice, dir, fifo, file, hardlink, symlink, tarOf } from './tar.ts';

/** A layer with all kinds of files. Those of other owners than root are of kinds that a user can record owners of. */
export const EVERYTHING = tarOf(
  dir('bin'),
  file('bin/tool', 'program', { mode: 0o4755, mtime: '1700000000.123456789' }),
  hardlink('bin/same', 'bin/tool'),
  symlink('bin/link', '/bin/tool', { mtime: 5 }),
  dir('dev'),
  charDevice('dev/null', 1, 3, { mode: 0o666 }),
  dir('etc', { mode: 0o500, mtime: 7 }),
  file('etc/shadow', 'secret', { mode: 0, uid: 0, gid: 42 }),
  file(Buffer.from('etc/bad\xff', 'latin1'), 'x'),
  file(`etc/${'long'.repeat(40)}`, 'y'),
  dir('home'),
  dir('home/app', { uid: 1000, gid: 1000, mode: 0o2755 }),
  file('home/app/data', 'z'.repeat(3000), { uid: 1000, gid: 1001, xattrs: { 'user.note': 'kept' } }),
  fifo('home/pipe'),
  file('old', 'before 1970', { mtime: '-1.5' }),
  dir('tmp', { mode: 0o1777 }),
);

/** A world for images that are made: a folder that everybody may write, with a store and an OCI layout in it. */
export interface AuthorWorld {
  readonly folder: string;
  /** The SOURCE of an image with the layers. */
  source(...layers: readonly Buffer[]): string;
  /** Options for the store of the world. @param who a name of the store: each user has one */
  options(who: string): AuthorOptions & { readonly root: string };
}

/** Makes a world. */
export function authorWorld(): AuthorWorld {
  const folder = tempDir(0o777);
  let count = 0;
  return {
    folder,
    source(...layers) {
      const { descriptor, blobs } = makeImage({ layers, gzip: true });
      count += 1;
      const path = writeLayout(join(folder, `source-${count}`), [named(descriptor, '1')], blobs);
      return `oci:${path}:1`;
    },
    options: (who) => ({ root: join(folder, `store-${who.replace(/ /g, '-')}`) }),
  };
}

/** Unpacks an image. */
export async function unpacked(source: string, to: string, options: AuthorOptions): Promise<string> {
  await using opened = await openImage(source, options);
  await unpackImage(opened.image, to);
  return to;
}

/** Makes a directory that belongs to the ordinary user of the tests. */
export function ownDirectory(path: string, files: Readonly<Record<string, string>>): string {
  mkdirSync(path);
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(path, name), content);
    if (process.geteuid?.() === 0) chownSync(join(path, name), ORDINARY, ORDINARY);
  }
  chmodSync(path, 0o755);
  if (process.geteuid?.() === 0) chownSync(path, ORDINARY, ORDINARY);
  return path;
}

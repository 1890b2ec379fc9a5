import { closeSync, constants, fstatSync, mkdirSync, openSync, renameSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { attempt } from '../../disk/directory/check.ts';
import { removePath } from '../../disk/directory/remove-path.ts';
import { placeTree } from '../../disk/scan/place-tree.ts';
import { readNode } from '../../disk/scan/read-node.ts';
import { walkTree } from '../../disk/scan/walk-tree.ts';
import { errnoOf, TsimgError } from '../../errors.ts';
import { mountOwnRoot } from '../../host/exec/container-root.ts';
import { pathText } from '../../rootfs/path.ts';
import { closeDescriptor } from '../../sys/file/files.ts';
import { O_PATH } from '../../sys/file/open-how.ts';
import { openInRoot } from '../../sys/file/open-in-root.ts';
import type { TarEntry } from '../../tar/read/entries.ts';
import type { TarEntryToWrite } from '../../tar/write/tar-chunks.ts';
import type { FillRequest } from './file-request.ts';

/**
 * Opens a place of the root, links followed within the root; undefined where nothing is there. Something that is in the
 * way is reported when the volume is mounted.
 */
function findInRoot(rootFd: number, path: string): number | undefined {
  try {
    return openInRoot(rootFd, path, { flags: O_PATH, links: 'inside' });
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

async function* inMemory(content: TarEntryToWrite['content']): AsyncGenerator<Buffer> {
  for await (const chunk of content ?? []) yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
}

/** Turns the entries that one tree was read as into the entries that another is made of. */
async function* asEntries(entries: AsyncIterable<TarEntryToWrite>): AsyncGenerator<TarEntry> {
  for await (const { header, content } of entries) yield { header: { ...header, offset: 0 }, body: inMemory(content) };
}

interface CopiedDirectory {
  /** Descriptor of the directory in the container's root. */
  readonly source: number;
  readonly path: string;
  readonly isOfImage: boolean;
  /** Descriptor of an empty directory. */
  readonly base: number;
}

/** Copies the content of a directory, and the directory's own owner, mode and time. */
async function copyDirectory({ source, path, isOfImage, base }: CopiedDirectory, warn: (message: string) => void) {
  const at = { directory: source, name: '.' };
  const node = fstatSync(source).isDirectory() ? readNode(at, path) : undefined;
  if (node === undefined) {
    if (isOfImage) {
      throw new TsimgError('LAUNCH_FAILED', 'a volume of the image is not a directory in the image', {
        where: path,
        hint: 'leave out the image’s volumes (--image-volume ignore), or mount something there (-v)',
      });
    }
    throw new TsimgError('LAUNCH_FAILED', 'a volume cannot be mounted on a file', {
      where: path,
      why: 'a volume is a directory, and the image has something else there',
      hint: `mount the volume on a directory, or a file of the host on the file: -v /PATH:${path}`,
    });
  }
  const onSkipped = (name: string, why: string) =>
    warn(`${path}/${pathText(name)} is not in the container’s volume: ${why}`);
  await placeTree(base, asEntries(walkTree({ at, node, name: '.' }, { onSkipped })), {
    placeOf: (components) => components,
    owner: 'keep',
    onSkipped,
    itself: true,
  });
}

/**
 * Makes volumes of a container that is not running. A volume gets the content that the container's root has at the
 * volume's path, or stays empty. It is made under another name beside its place, and renamed when it is complete.
 * @throws LAUNCH_FAILED, FILESYSTEM, LIMIT_EXCEEDED, SYSTEM_CALL
 */
export async function makeVolumes({ root, volumes }: FillRequest, warn: (message: string) => void): Promise<void> {
  const rootFd = mountOwnRoot(root.step, []);
  for (const { directory, path, isOfImage, staysEmpty } of volumes) {
    const made = `${dirname(directory)}/new-${basename(directory)}`;
    await removeLeftover(made);
    const base = attempt('make a volume', path, () => {
      mkdirSync(made, { mode: 0o755 });
      return openSync(made, constants.O_RDONLY | constants.O_DIRECTORY);
    });
    const source = staysEmpty ? undefined : findInRoot(rootFd, path);
    try {
      if (source !== undefined) await copyDirectory({ source, path, isOfImage, base }, warn);
    } finally {
      closeSync(base);
      if (source !== undefined) closeDescriptor(source);
    }
    attempt('make a volume', path, () => renameSync(made, directory));
  }
}

/** Removes an incomplete volume of a run that was killed. */
async function removeLeftover(path: string): Promise<void> {
  try {
    await removePath(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

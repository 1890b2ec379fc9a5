import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { Readable } from 'node:stream';
import type { TreeForm } from '../../disk/scan/authored-node.ts';
import type { BaseTree } from '../../disk/scan/base-tree.ts';
import { clampTimes } from '../../disk/scan/clamp-times.ts';
import { layerEntries } from '../../disk/scan/layer-entries.ts';
import { treeChanges } from '../../disk/scan/tree-changes.ts';
import type { ImageLimits } from '../../disk/unpack-options.ts';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { probeHost } from '../../host/facts/probe.ts';
import { optionWords } from '../../option-words.ts';
import { pathText } from '../../rootfs/path.ts';
import { createByteBudget } from '../../streams/byte-budget.ts';
import type { CompressionChoice } from '../../streams/compress/choice.ts';
import { filesystemError } from '../../sys/file/filesystem-error.ts';
import { tarChunks } from '../../tar/write/tar-chunks.ts';
import { type LayerFile, writeLayerFile } from '../layers/layer-file.ts';

/**
 * Where the owners of a directory's files in the image come from. `root`: the owners on the disk, as `unpack --ids root`
 * makes them. `single`: the owners that `unpack --ids single` recorded; root owns a file without a record.
 */
export type TreeIds = 'root' | 'single';

/** How a directory becomes a layer. */
export interface DirectoryOptions extends Context {
  /** Default: `root` for root, `single` for other users. */
  readonly ids?: TreeIds | undefined;
  /** The owner of all files, in the place of theirs. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
  /** `maxSize` and `maxRatio` hold for the tar against what the files occupy on the disk. */
  readonly limits?: ImageLimits | undefined;
}

/** The parts of which a layer is made. */
export interface LayerParts {
  /** The image that the directory is compared with; undefined where the layer has all files. */
  readonly base?: BaseTree | undefined;
  readonly withRoot: boolean;
  readonly compression: CompressionChoice;
  /** Seconds since 1970: newer files get this time. */
  readonly newest: number | undefined;
}

function formOf({ ids, owner }: DirectoryOptions): TreeForm {
  const byDefault = process.geteuid?.() === 0 ? 'root' : 'single';
  const isSingle = (ids ?? byDefault) === 'single';
  // Root of a user namespace can set owners, but can make no devices.
  const records = isSingle || probeHost().nestedUserNamespace === true;
  return { owners: owner ?? (isSingle ? 'recorded' : 'kept'), records };
}

function openDirectory(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw filesystemError('cannot open a directory', path, error);
    throw new TsimgError('SOURCE_NOT_FOUND', 'no such directory', { where: path, hint: 'check the path' });
  }
}

/** Warns of an image whose root directory not all users may enter: people seldom want that. */
function checkRoot(path: string, { onEvent }: Context): void {
  const { mode } = statSync(path);
  if ((mode & 0o005) === 0o005) return;
  const octal = (mode & 0o7777).toString(8).padStart(4, '0');
  const where = `${path} has the mode ${octal}, and so has the root directory of the image`;
  const message = `${where}: not all users may enter it`;
  onEvent?.({ kind: 'warning', message });
}

/**
 * Makes a layer of a directory. Equal trees give the same bytes of the tar for every user: names are sorted by their
 * bytes, and neither a time nor a name of this host is in it. Sockets are left out, with a warning.
 * @returns undefined where the directory is compared with an image and does not differ
 * @throws FILESYSTEM, LIMIT_EXCEEDED, FORMAT_UNSUPPORTED; SIZE_MISMATCH where a file becomes shorter while it is read
 */
export async function directoryLayer(
  path: string,
  parts: LayerParts,
  options: DirectoryOptions,
): Promise<LayerFile | undefined> {
  const { base, withRoot, compression, newest } = parts;
  const { limits, signal, onEvent } = options;
  const warn = (message: string) => onEvent?.({ kind: 'warning', message });
  const form = formOf(options);
  let foreign = 0;
  if (withRoot && base === undefined) checkRoot(path, options);
  const root = openDirectory(path);
  try {
    const treeOwner = fstatSync(root).uid;
    if (form.owners === 'kept' && options.ids === undefined && treeOwner !== 0) {
      const other = optionWords('--ids single takes those that unpack recorded, else root');
      warn(`the files keep their owners, such as UID ${treeOwner}; ${other}`);
    }
    const onSkipped = (place: string, why: string) => warn(`/${pathText(place)} is left out: ${why}`);
    const onOwner = (uid: number) => {
      if (form.owners === 'recorded' && uid !== treeOwner) foreign += 1;
    };
    const lost: string[] = [];
    const onLostRecord = (place: string) => void (form.owners === 'recorded' && lost.push(place));
    const changes = await treeChanges(root, { ...form, base, withRoot, onSkipped, onOwner, onLostRecord, signal });
    const [first] = lost;
    if (first !== undefined) {
      warn(
        `files without a record of their owner become root's (${lost.length}, such as /${pathText(first)}): a program ` +
          'replaced them, or the file system keeps no user attributes',
      );
    }
    if (foreign > 0) {
      const remedy = optionWords('for a tree that was unpacked with --ids subuid, call this by tsimg unshare');
      warn(`files of other users than the directory's count as root's (${foreign}): ${remedy}`);
    }
    if (base !== undefined && changes.length === 0) return undefined;
    const entries = layerEntries(root, changes, { budget: createByteBudget(limits), onSkipped: () => {} });
    const archive = Readable.from(tarChunks(clampTimes(entries, newest)), { objectMode: false });
    return await writeLayerFile([archive], compression, signal);
  } catch (error) {
    throw toldOf(error, path);
  } finally {
    closeSync(root);
  }
}

/**
 * Returns an error about a file of the directory with a path that the caller knows. For SIZE_MISMATCH it says that the
 * file became shorter.
 */
function toldOf(error: unknown, directory: string): unknown {
  if (!(error instanceof TsimgError) || error.where === undefined || isAbsolute(error.where)) return error;
  const { code, what, where, why, hint, facts } = error;
  if (code === 'FILESYSTEM')
    return new TsimgError(code, what, { where: join(directory, where), why, hint, facts, cause: error });
  if (code !== 'SIZE_MISMATCH') return error;
  return new TsimgError(code, 'a file became shorter while it was read', {
    where: join(directory, pathText(where)),
    why,
    hint: 'make the image again when nothing writes in the directory',
    facts,
    cause: error,
  });
}

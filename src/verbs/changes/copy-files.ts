import { closeSync, constants, existsSync, openSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { byteName } from '../../disk/publish/publish.ts';
import { placeTree } from '../../disk/scan/place-tree.ts';
import { readNode } from '../../disk/scan/read-node.ts';
import { walkTree } from '../../disk/scan/walk-tree.ts';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { openRunningRoot } from '../../host/exec/container-root.ts';
import { probeHost } from '../../host/facts/probe.ts';
import type { HelperNamespaces } from '../../host/start/start-helper.ts';
import { containersFolder, holdContainer } from '../../host/state/container.ts';
import { findContainer } from '../../host/state/find-container.ts';
import { storedMap } from '../../launch/plan/id-map.ts';
import { pathText } from '../../rootfs/path.ts';
import { decompressed } from '../../streams/decompress/decompress.ts';
import { pump } from '../../streams/pump.ts';
import { filesystemError } from '../../sys/file/filesystem-error.ts';
import { readTar, type TarEntry } from '../../tar/read/entries.ts';
import { tarChunks } from '../../tar/write/tar-chunks.ts';
import { type CopiedWhat, planPlacement, saysContents, saysDirectory } from '../helper/copy-rules.ts';
import type { FileRequest, RootRequest } from '../helper/file-request.ts';
import { type FileHelperWork, runFileHelper } from '../helper/run-file-helper.ts';
import type { ContainersContext } from '../places.ts';
import { volumeMounts } from './fill-volumes.ts';

/** Options of `copyFromContainer` and `copyToContainer`. */
export interface CopyOptions extends ContainersContext {
  /** `-a`: owners, set-ID bits and extended attributes are kept. */
  readonly archive?: boolean | undefined;
  /** `-L`: a source that is a symlink is followed. */
  readonly follow?: boolean | undefined;
}

/** A path in a container. */
export interface ContainerPath {
  readonly container: string;
  /** Relative to the container's root; a slash at its start means nothing. */
  readonly path: string;
}

function inUse(name: string): TsimgError {
  return new TsimgError('CONTAINER_STATE', 'the container is in use', { where: name, hint: 'try again' });
}

/**
 * Performs a request on the root of a container. A running container's root is that of its first process. Otherwise the
 * helper mounts the root for itself, and the container cannot be started meanwhile.
 */
async function withRoot(
  wanted: string,
  request: (root: RootRequest) => FileRequest,
  { stateRoot, signal, onEvent }: CopyOptions,
  work: Pick<FileHelperWork, 'archive'>,
): Promise<void> {
  const { folder, record, state, alive } = await findContainer(containersFolder(stateRoot), wanted);
  const { steps } = record.plan;
  const idMap = storedMap(record.plan.idMap);
  const ask = (namespaces: HelperNamespaces, root: RootRequest, rootFd?: number) =>
    runFileHelper(request(root), { ...work, namespaces, tools: probeHost().tools, root: rootFd }, { signal, onEvent });
  if (alive && state.status === 'running' && state.process !== undefined) {
    if (steps.some((step) => step.do === 'chroot')) {
      throw new TsimgError('CONTAINER_STATE', 'the container runs with --isolation chroot', {
        where: record.name,
        why: 'its processes may have left its root, so files of the host could be taken for the container’s',
        hint: 'stop it first (tsimg stop)',
      });
    }
    const shown = idMap === undefined ? record.plan.idMap : undefined;
    const rootFd = openRunningRoot(state.process);
    try {
      return await ask({ idMap, ownMounts: false }, { kind: 'running', shown }, rootFd);
    } finally {
      closeSync(rootFd);
    }
  }
  const held = await holdContainer(folder, record.id);
  const step = steps.find((each) => each.do === 'root');
  if (held === undefined || step === undefined) throw inUse(record.name);
  const volumes = volumeMounts(record.plan).filter(({ source }) => existsSync(source));
  try {
    await ask({ idMap, ownMounts: true }, { kind: 'mount', step, volumes });
  } finally {
    await held.lock.close();
  }
}

/** Returns the type of a path on the host, symlinks followed; undefined where nothing is there. */
function kindAt(path: string): 'directory' | 'file' | 'other' | undefined {
  const plain = path.replace(/(.)\/+$/, '$1');
  const stats = statSync(plain, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  if (plain !== path && !stats.isDirectory()) {
    throw new TsimgError('DESTINATION_INVALID', 'not a directory', {
      where: path,
      hint: 'leave out the slash at the end to replace the file',
    });
  }
  return stats.isDirectory() ? 'directory' : stats.isFile() ? 'file' : 'other';
}

/** Names a stream in errors: standard input of the command, any stream of a caller. */
const INPUT = 'the input';
const CHECK_PATH = 'check the path; a path in a container begins with the container: NAME:PATH';

function openHostDirectory(path: string, code: 'DESTINATION_INVALID' | 'SOURCE_NOT_FOUND'): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw filesystemError('cannot open a directory', path, error);
    const hint = code === 'SOURCE_NOT_FOUND' ? CHECK_PATH : `make it first: mkdir -p ${path}`;
    throw new TsimgError(code, 'no such directory', { where: path, hint });
  }
}

function warnSkipped({ onEvent }: Context): (path: string, why: string) => void {
  return (path, why) => onEvent?.({ kind: 'warning', message: `${pathText(path)} is skipped: ${why}` });
}

async function* startingWith(first: TarEntry, rest: AsyncIterable<TarEntry>): AsyncGenerator<TarEntry> {
  yield first;
  yield* rest;
}

/**
 * Writes an archive of a container's files to a path on the host. The files belong to the caller, unless root keeps
 * owners.
 */
async function placeOnHost(archive: Readable, destination: string, options: CopyOptions): Promise<void> {
  const entries = readTar(archive);
  const { value: first } = await entries.next();
  if (!first) return;
  const { path, kind } = first.header;
  const what: CopiedWhat = kind !== 'directory' ? 'file' : path === './' ? 'contents' : 'directory';
  const found = kindAt(destination);
  const plan = planPlacement(what, found, destination);
  const target = plan.into === 'parent' && found !== undefined ? realpathSync(destination) : resolve(destination);
  const base = openHostDirectory(plan.into === 'parent' ? dirname(target) : target, 'DESTINATION_INVALID');
  const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
  if (options.archive && uid !== 0) {
    options.onEvent?.({ kind: 'warning', message: 'only root can keep owners, so all files belong to the caller' });
  }
  try {
    await placeTree(base, startingWith(first, entries), {
      placeOf: (components) => plan.placeOf(components, byteName(basename(target))),
      owner: options.archive && uid === 0 ? 'keep' : { uid, gid },
      onSkipped: warnSkipped(options),
    });
  } finally {
    closeSync(base);
  }
}

/**
 * Copies from a container to a path on the host, or as an archive to a stream. Devices are not read.
 * @throws CONTAINER_NOT_FOUND, CONTAINER_STATE, SOURCE_NOT_FOUND, DESTINATION_INVALID, DESTINATION_EXISTS, FILESYSTEM,
 * LIMIT_EXCEEDED, SIZE_MISMATCH where a file becomes shorter while it is read
 */
export async function copyFromContainer(
  { container, path }: ContainerPath,
  destination: string | Writable,
  options: CopyOptions,
): Promise<void> {
  const request = (root: RootRequest) => ({ do: 'copy-out', root, path, follow: options.follow ?? false }) as const;
  const archive = (stream: Readable) =>
    typeof destination === 'string'
      ? placeOnHost(stream, destination, options)
      : pipeline(stream, destination, { end: false });
  await withRoot(container, request, options, { archive });
}

/** Returns a path on the host as an archive, and what the path is. */
function readHost(source: string, options: CopyOptions): { readonly what: CopiedWhat; readonly archive: Readable } {
  const follow = options.follow || saysDirectory(source);
  let path: string;
  try {
    path = follow ? realpathSync(source) : resolve(source);
  } catch (cause) {
    throw new TsimgError('SOURCE_NOT_FOUND', 'no such file', { where: source, hint: CHECK_PATH, cause });
  }
  const directory = openHostDirectory(dirname(path), 'SOURCE_NOT_FOUND');
  const isRoot = path === '/';
  const at = { directory, name: isRoot ? '.' : byteName(basename(path)) };
  const node = readNode(at, byteName(source));
  if (node === undefined || (saysDirectory(source) && node.kind !== 'directory')) {
    closeSync(directory);
    const what = node === undefined ? 'no such file' : 'not a directory';
    throw new TsimgError('SOURCE_NOT_FOUND', what, { where: source, hint: CHECK_PATH });
  }
  const isContents = isRoot || saysContents(source);
  const own = follow && !saysDirectory(source) ? byteName(basename(source)) : at.name;
  const entries = walkTree({ at, node, name: isContents ? '.' : own }, { onSkipped: warnSkipped(options) });
  const archive = Readable.from(tarChunks(entries), { objectMode: false });
  archive.once('close', () => closeSync(directory));
  return { what: node.kind !== 'directory' ? 'file' : isContents ? 'contents' : 'directory', archive };
}

/**
 * Copies a path on the host, or the entries of an archive, compressed or not, to a container. The files belong to root
 * there, unless owners are kept.
 * @throws as copyFromContainer; TAR_INVALID, COMPRESSION_INVALID for a stream that is no archive
 */
export async function copyToContainer(
  source: string | Readable,
  { container, path }: ContainerPath,
  options: CopyOptions,
): Promise<void> {
  const { what, archive } =
    typeof source === 'string'
      ? readHost(source, options)
      : ({ what: 'archive', archive: decompressed(source, { where: INPUT }) } as const);
  // The reader gets errors of the archive. An error after the last read does not matter.
  archive.on('error', () => {});
  const keepOwners = options.archive ?? false;
  const request = (root: RootRequest) => ({ do: 'copy-in', root, path, what, keepOwners }) as const;
  try {
    await withRoot(container, request, options, {
      archive: async (stream) => {
        await pump([archive], (chunk) => written(stream, chunk), options.signal);
        stream.end();
      },
    });
  } catch (error) {
    throw typeof source === 'string' ? error : withAdvice(error);
  } finally {
    archive.destroy();
  }
}

/** Adds what to give to the error for an input that is no archive. */
function withAdvice(error: unknown): unknown {
  if (!(error instanceof TsimgError && ['TAR_INVALID', 'COMPRESSION_INVALID'].includes(error.code))) return error;
  const { code, what, where = INPUT, why, hint = 'give a complete tar archive, compressed or not', facts } = error;
  return new TsimgError(code, what, { where, why, hint, facts, cause: error });
}

/** Settles when the stream took the chunk, or failed. */
function written(stream: Writable, chunk: Buffer): Promise<void> {
  return new Promise((settle, reject) => stream.write(chunk, (error) => (error ? reject(error) : settle())));
}

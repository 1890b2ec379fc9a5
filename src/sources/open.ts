import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { errnoOf, TsimgError } from '../errors.ts';
import type { Context } from '../events.ts';
import type { Source } from '../image/source.ts';
import { formatFamiliar, formatReference, parseReference, type Reference } from '../oci/reference.ts';
import type { BringBackOptions } from './bring-back.ts';
import { type ArchiveFile, openArchiveFile, spoolArchive } from './files/archive-file.ts';
import { archiveFiles } from './files/archive-files.ts';
import { directoryFiles } from './files/directory-files.ts';
import type { Files } from './files/files.ts';
import type { SourceLimits, UnwrapOptions } from './files/unwrap-options.ts';
import { openRootfsTarSource } from './form/rootfs-tar.ts';
import { openFiles } from './open-files.ts';
import { parseSourceSpec } from './parse-spec.ts';
import { openStoreSource } from './store.ts';

/** Where a SOURCE may be, and what it may cost. */
export interface OpenSourceOptions {
  /** The store's directory. */
  readonly storeRoot: string;
  /** Standard input, for `-`; without it, `-` is refused. */
  readonly stdin?: Readable | (() => Readable) | undefined;
  /**
   * Returns the name that an alias gives to a short name. Called for names that the store does not have. Absent: there
   * are no aliases.
   */
  readonly completeName?: ((name: string) => Promise<string>) | undefined;
  /** Opens `docker://REFERENCE`; without it, the transport is refused. */
  readonly openRegistry?: ((reference: Reference) => Source) | undefined;
  /** How a registry is asked for a blob of the store that was dropped. */
  readonly registry?: BringBackOptions | undefined;
  /** The most bytes of a decompressed archive, and of a document. */
  readonly limits?: SourceLimits | undefined;
}

/** How `openSource` takes a word that is neither a file nor an image of the store. */
interface WordChoice {
  /** The hint for a file that is not there, where the caller wants a file; otherwise the word is a reference. */
  readonly fileHint?: string | undefined;
}

/** A source, and the name of the image that is meant. */
export interface OpenedSource {
  readonly source: Source;
  readonly name: string | undefined;
}

function withLimits<T extends Files | Source>(opened: T, limits: SourceLimits | undefined): T {
  return { ...opened, documentLimit: limits?.maxDocument };
}

/** Opens an archive as a source; closes the archive on failure. */
async function openArchive(archive: ArchiveFile, transport: string | undefined, options: OpenOptions): Promise<Source> {
  const { limits, signal } = options;
  try {
    const source = await openFiles(withLimits(await archiveFiles(archive), limits), transport, options);
    return source ?? (await openRootfsTarSource(archive, signal));
  } catch (error) {
    await archive.handle.close();
    throw error;
  }
}

/** Options for opening a path. */
type OpenOptions = UnwrapOptions & Context;

type PathKind = 'directory' | 'file' | 'nothing';

/** The kind of file at a path. A pipe counts as a file: the user named it. */
async function kindOf(path: string): Promise<PathKind> {
  try {
    return (await stat(path)).isDirectory() ? 'directory' : 'file';
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return 'nothing';
    throw error;
  }
}

function missing(path: string, hint: string): never {
  throw new TsimgError('SOURCE_NOT_FOUND', 'no such file or directory', { where: path, hint });
}

async function openPath(path: string, transport: string | undefined, options: OpenOptions): Promise<Source> {
  const kind = await kindOf(path);
  if (kind === 'nothing') missing(path, 'check the path');
  if (kind === 'file') return openArchive(await openArchiveFile(path, options), transport, options);
  const source = await openFiles(withLimits(directoryFiles(path), options.limits), transport, options);
  if (source !== undefined) return source;
  throw new TsimgError('ARCHIVE_INVALID', 'a directory that is not an image', {
    where: path,
    why: 'it has neither index.json (OCI layout) nor manifest.json',
    hint: 'tsimg run takes a directory as a root filesystem; unpack needs an image',
  });
}

/**
 * Opens an image of the store. @param hint is added to the error's
 * @throws IMAGE_NOT_FOUND, with the hint to pull it
 */
async function openStored(
  text: string,
  options: OpenSourceOptions,
  { signal, hint = '' }: { readonly signal?: AbortSignal | undefined; readonly hint?: string },
): Promise<OpenedSource> {
  const source = withLimits(await openStoreSource(options.storeRoot, signal, options.registry), options.limits);
  try {
    if ((await source.resolve(text, signal)) !== undefined) return { source, name: text };
    const name = (await options.completeName?.(text)) ?? text;
    if (name !== text && (await source.resolve(name, signal)) !== undefined) return { source, name };
    // A word that is no ID of the store may still be a reference that can be pulled.
    const reference = parseReference(text);
    throw new TsimgError('IMAGE_NOT_FOUND', `no image ${formatFamiliar(reference)} in the store`, {
      where: options.storeRoot,
      hint: `tsimg pull ${formatFamiliar(reference)} fetches it${hint}`,
      facts: { reference: formatReference(reference) },
    });
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** Opens the image of the store that a word names; undefined where it names none. */
async function openIfStored(
  text: string,
  options: OpenSourceOptions,
  signal?: AbortSignal,
): Promise<OpenedSource | undefined> {
  try {
    return await openStored(text, options, { signal });
  } catch (error) {
    if (error instanceof TsimgError && ['IMAGE_NOT_FOUND', 'REFERENCE_INVALID'].includes(error.code)) return undefined;
    throw error;
  }
}

/** The error for a word that names a file which is no image. `noImage` tells `run` that it may pull the reference. */
function shadowing(text: string, error: TsimgError): TsimgError {
  const { code, what, where, why, hint, facts } = error;
  const other = `to mean an image of that name: tsimg pull ${text}`;
  return new TsimgError(code, what, {
    where,
    why,
    hint: hint === undefined ? other : `${hint}; ${other}`,
    facts: { ...facts, noImage: true },
    cause: error,
  });
}

/**
 * Opens a word that names a file: the file, or an image of the store where the file is no image. Warns where both
 * exist.
 */
async function openWord(text: string, options: OpenSourceOptions, opening: OpenOptions): Promise<OpenedSource> {
  const { signal, onEvent } = opening;
  const warn = (message: string) => onEvent?.({ kind: 'warning', message });
  let source: Source;
  try {
    source = await openPath(text, undefined, opening);
  } catch (error) {
    if (!(error instanceof TsimgError && ['ARCHIVE_INVALID', 'FORMAT_UNSUPPORTED'].includes(error.code))) throw error;
    const stored = await openIfStored(text, options, signal);
    if (stored === undefined) throw shadowing(text, error);
    warn(`the file ${text} is not an image: the image of the store is used; write ./${text} for the file`);
    return stored;
  }
  const stored = await openIfStored(text, options, signal).catch(async (error: unknown) => {
    await source.close();
    throw error;
  });
  if (stored !== undefined) {
    await stored.source.close();
    warn(`the file ${text} is used, not the image of that name in the store; write store:${text} for the image`);
  }
  return { source, name: undefined };
}

/**
 * Opens a SOURCE and returns the source with the name of the image in it. A word that names a regular file means the
 * file, if that is an image; the form of a file is told by its content. The caller closes the source.
 * @throws USAGE, REFERENCE_INVALID, SOURCE_NOT_FOUND, IMAGE_NOT_FOUND, ARCHIVE_INVALID, FORMAT_UNSUPPORTED,
 * TAR_INVALID, COMPRESSION_INVALID, DOCUMENT_INVALID, FILESYSTEM, LIMIT_EXCEEDED, STORE_INVALID
 */
export async function openSource(
  text: string,
  options: OpenSourceOptions & WordChoice,
  context: Context = {},
): Promise<OpenedSource> {
  const { signal } = context;
  const opening: OpenOptions = { ...context, limits: options.limits };
  const spec = parseSourceSpec(text);
  switch (spec.kind) {
    case 'stdin': {
      if (options.stdin === undefined) throw new TsimgError('USAGE', 'standard input cannot be read here');
      const stdin = typeof options.stdin === 'function' ? options.stdin() : options.stdin;
      const archive = await spoolArchive(stdin, 'standard input', opening);
      return { source: await openArchive(archive, undefined, opening), name: undefined };
    }
    case 'path':
      return { source: await openPath(spec.path, undefined, opening), name: undefined };
    case 'transport':
      return { source: await openPath(spec.path, spec.transport, opening), name: spec.name };
    case 'registry': {
      if (options.openRegistry === undefined) throw new TsimgError('USAGE', 'registries cannot be read here');
      return {
        source: withLimits(options.openRegistry(spec.reference), options.limits),
        name: formatReference(spec.reference),
      };
    }
    case 'store':
      return openStored(spec.name, options, { signal });
    case 'word': {
      const kind = await kindOf(spec.text);
      if (kind === 'file') return openWord(spec.text, options, opening);
      if (kind === 'nothing' && options.fileHint !== undefined)
        return (await openIfStored(spec.text, options, signal)) ?? missing(spec.text, options.fileHint);
      const hint = kind === 'directory' ? `; ./${spec.text} is the directory` : '';
      return openStored(spec.text, options, { signal, hint });
    }
  }
}

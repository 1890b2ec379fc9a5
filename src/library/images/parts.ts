import type { Readable } from 'node:stream';
import type { Context } from '../../events.ts';
import { type LoadedImage, type LoadOptions, loadImage as load } from '../../image/load.ts';
import type { Sink } from '../../image/sink.ts';
import type { Source } from '../../image/source.ts';
import type { Reference } from '../../oci/reference.ts';
import { openOciLayoutSink as openLayoutSink } from '../../sinks/oci-layout.ts';
import { openRegistrySink as openRegistryForWriting, type RegistrySinkOptions } from '../../sinks/registry.ts';
import { openStoreSink as openStoreForWriting } from '../../sinks/store.ts';
import type { BringBackOptions } from '../../sources/bring-back.ts';
import { openRegistrySource as openRegistryForReading, type RegistrySourceOptions } from '../../sources/registry.ts';
import { openStoreSource as openStoreForReading } from '../../sources/store.ts';
import { decompressed as decompress } from '../../streams/decompress/decompress.ts';
import { readTar as readEntries, type TarEntry } from '../../tar/read/entries.ts';
import type { TarLimits } from '../../tar/read/limits.ts';
import type { TarReaderOptions } from '../../tar/read/read.ts';
import { checkBound } from '../options/check-number.ts';
import {
  action,
  type Checks,
  checkOptions,
  flag,
  hasMethods,
  objectOf,
  takes,
  text,
} from '../options/check-options.ts';
import { CONTEXT_CHECKS } from '../options/context-checks.ts';
import { CHUNK_SIZE, IMAGE_CHECKS, platform } from '../options/image-checks.ts';
import { referenceOf, type WithPlatform, withPlatform } from '../options/image-options.ts';
import { REGISTRIES_CHECKS, REGISTRY_CHECKS } from '../options/registry-checks.ts';

const SOURCE_CHECKS: Checks<RegistrySourceOptions> = {
  ...REGISTRY_CHECKS,
  limits: IMAGE_CHECKS.limits,
  allowForeignUrls: flag,
  toWrite: flag,
  known: action,
};
const SINK_CHECKS: Checks<RegistrySinkOptions> = { ...REGISTRY_CHECKS, mountFrom: text, chunkSize: CHUNK_SIZE };
const LOAD_CHECKS: Checks<LoadOptions> = { name: text, platform };

const checkOpenSource = takes('a source, such as that of openRegistrySource', (value) =>
  hasMethods(value, 'resolve', 'open', 'close'),
);

const checkPath = takes('a path', (value) => typeof value === 'string' && value !== '');

const TAR_CHECKS: Checks<TarReaderOptions> = {
  where: text,
  limits: objectOf<TarLimits>({ extendedHeaderBytes: checkBound, sparseSegments: checkBound, entries: checkBound }),
};

const DECOMPRESSED = objectOf<DecompressedOptions>({ where: text, onTrailing: action }, 'where');

/** Text is iterable, too, and no bytes. */
function isIterable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value);
}

/**
 * Loads an image of a source: finds its manifest, by the platform where there are several, and checks manifest and
 * config. Layers are not opened.
 * @throws USAGE, PLATFORM_INVALID, IMAGE_NOT_FOUND, IMAGE_AMBIGUOUS, PLATFORM_NOT_FOUND, BLOB_NOT_FOUND,
 * DOCUMENT_INVALID, FORMAT_UNSUPPORTED, DIGEST_MISMATCH, SIZE_MISMATCH, LIMIT_EXCEEDED, and the errors of the source
 */
export async function loadImage(
  source: Source,
  options: WithPlatform<LoadOptions & Context> = {},
): Promise<LoadedImage> {
  checkOpenSource('source', source);
  checkOptions('loadImage', options, { ...CONTEXT_CHECKS, ...LOAD_CHECKS });
  const { signal, onEvent, ...choice } = withPlatform(options);
  return await load(source, choice, { signal, onEvent });
}

/**
 * Opens one repository of a registry as a source of images. `resolve` without a name resolves the reference's digest,
 * else its tag. No connection is made before the first request; credentials are looked up when the registry asks for
 * them, where podman and docker keep theirs. The caller closes the source.
 * @throws USAGE, REFERENCE_INVALID; the source's methods: REGISTRY_UNREACHABLE, REGISTRY_ERROR,
 * AUTHENTICATION_REQUIRED, AUTHENTICATION_DENIED, CREDENTIALS_INVALID, IMAGE_NOT_FOUND, BLOB_NOT_FOUND, LIMIT_EXCEEDED
 * @example
 * const source = openRegistrySource('alpine:3.19');
 * const descriptor = await source.resolve(); // the index that the tag stands for
 * await source.close();
 */
export function openRegistrySource(reference: string | Reference, options: RegistrySourceOptions = {}): Source {
  checkOptions('openRegistrySource', options, SOURCE_CHECKS);
  return openRegistryForReading(referenceOf(reference), options);
}

/**
 * Opens one repository of a registry for writing. Blobs that it has are not sent; those of `mountFrom` are mounted. A
 * broken upload is resumed. No connection is made before the first request. The caller closes the sink. OCI
 * distribution spec, "Push".
 * @throws REFERENCE_INVALID, USAGE, also for a chunk size below 1 KiB; the sink's methods: REGISTRY_UNREACHABLE,
 * REGISTRY_ERROR, AUTHENTICATION_REQUIRED, AUTHENTICATION_DENIED, CREDENTIALS_INVALID, and the errors of the content
 * @example
 * await using opened = await openImage('./app.tar');
 * const sink = openRegistrySink('localhost:5000/app:1');
 * await copyImage(opened.image, sink, { names: ['1'] });
 * await sink.close();
 */
export function openRegistrySink(reference: string | Reference, options: RegistrySinkOptions = {}): Sink {
  checkOptions('openRegistrySink', options, SINK_CHECKS);
  return openRegistryForWriting(referenceOf(reference), options);
}

/**
 * Opens a store for reading. An open source holds a shared lock, so that no sweep removes the blobs that the caller is
 * about to read: close it soon. A store that does not exist is empty, and is not made.
 * @param root the store's directory
 * @param options how a registry is asked for a blob that was dropped
 * @throws USAGE, STORE_INVALID, DOCUMENT_INVALID, FILESYSTEM
 */
export async function openStoreSource(root: string, options: BringBackOptions = {}): Promise<Source> {
  checkPath('root', root);
  checkOptions('openStoreSource', options, REGISTRIES_CHECKS);
  return await openStoreForReading(root, options.signal, options);
}

/** How {@link openStoreSink} opens a store. */
export interface StoreSinkOptions extends Context {
  /**
   * Whether all bytes of a blob that is there are read, and a damaged one is written again. Default false: only its
   * size is compared.
   */
  readonly verify?: boolean | undefined;
}

/**
 * Opens a store for writing; it is made where it is missing. An open sink holds a shared lock, so that no sweep removes
 * a blob before its image is published; `close` releases the lock and removes old unfinished blobs. Names are image
 * references; an image without one is known by its digest.
 * @param root the store's directory
 * @param options `onEvent` is told when a write waits for another process that writes the same blob
 * @throws USAGE, STORE_INVALID, FILESYSTEM
 */
export async function openStoreSink(root: string, options: StoreSinkOptions = {}): Promise<Sink> {
  checkPath('root', root);
  checkOptions('openStoreSink', options, { ...CONTEXT_CHECKS, verify: flag });
  return await openStoreForWriting(root, options.signal, options);
}

/**
 * Opens an OCI layout directory for writing: a new one is made, an existing one is added to. A new image replaces the
 * entries of the same names; the blobs of the replaced images stay. Blobs wait in a folder of their own until their
 * image is published: a copy that fails leaves the layout as it was, and no new one. Where a copy was killed, the next
 * one goes on. The caller closes the sink. OCI image spec, image-layout.md.
 * @throws USAGE; DESTINATION_EXISTS when the path holds anything else; FILESYSTEM, DOCUMENT_INVALID
 */
export async function openOciLayoutSink(path: string, options: Context = {}): Promise<Sink> {
  checkPath('path', path);
  checkOptions('openOciLayoutSink', options, CONTEXT_CHECKS);
  return await openLayoutSink(path, options.signal, options);
}

/** How {@link decompressed} decompresses. */
export interface DecompressedOptions {
  /** Names the content in errors. */
  readonly where: string;
  /**
   * Gets the number of bytes behind the last gzip member that are no gzip. They are ignored. Called once, before the
   * end.
   */
  readonly onTrailing?: ((bytes: number) => void) | undefined;
}

/**
 * Decompresses a stream of gzip, zstd or uncompressed content; the first bytes tell which. The size of the result is
 * not bounded. Only the format's own checksums are verified: the source checks the digest of the compressed bytes, the
 * caller the diff ID.
 * @throws USAGE; COMPRESSION_INVALID, FORMAT_UNSUPPORTED (xz, bzip2), LIMIT_EXCEEDED, and the source's errors, from the
 * stream
 * @example
 * const blob = await layer.open();
 * for await (const { header } of readTar(decompressed(blob, { where: 'the layer' }))) console.log(header.path);
 */
export function decompressed(source: Readable, options: DecompressedOptions): Readable {
  takes('a stream of Node', (value) => hasMethods(value, 'pipe', 'on'))('source', source);
  DECOMPRESSED('options', options);
  return decompress(source, options);
}

/**
 * Reads the entries of an uncompressed tar archive (POSIX ustar, PAX, GNU), in order, with all extensions applied. All
 * chunks are read, also those behind the end of the archive, so that a hash over them is complete. Leaving the loop
 * early closes `chunks`.
 * @throws USAGE at once; TAR_INVALID, FORMAT_UNSUPPORTED, LIMIT_EXCEEDED, and the errors of `chunks`
 * @example
 * for await (const { header, body } of readTar(createReadStream('rootfs.tar'))) {
 *   console.log(header.kind, header.path, header.size);
 *   for await (const chunk of body) hash.update(chunk);
 * }
 */
export function readTar(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: TarReaderOptions = {},
): AsyncGenerator<TarEntry, void, undefined> {
  takes('chunks of bytes, such as a stream', isIterable)('chunks', chunks);
  checkOptions('readTar', options, TAR_CHECKS);
  return readEntries(chunks, options);
}

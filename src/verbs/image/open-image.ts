import type { ImageLimits } from '../../disk/unpack-options.ts';
import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import type { LoadedImage } from '../../image/load.ts';
import { loadImage } from '../../image/load.ts';
import type { Platform } from '../../oci/platform.ts';
import { formatReference, parseReference, refuseHostAlone } from '../../oci/reference.ts';
import { completeName } from '../../registry/mirrors/short-name.ts';
import { type OpenedSource, type OpenSourceOptions, openSource } from '../../sources/open.ts';
import { parseSourceSpec } from '../../sources/parse-spec.ts';
import { openRegistrySource, type RegistrySourceOptions } from '../../sources/registry.ts';
import { type StorePlace, storePlace } from '../places.ts';
import { type Demands, openGate } from '../verify/admit.ts';
import type { RepairOptions } from './repair-stored.ts';

/** How an image is found and opened. */
export interface ImageOptions extends Omit<RegistrySourceOptions, 'known' | 'toWrite'>, StorePlace, Demands {
  /** The wanted platform. Default: this machine's. */
  readonly platform?: Platform | undefined;
  /**
   * The most that the image may cost: bytes, entries, depth. `maxSize` and `maxRatio` hold for a compressed archive
   * too.
   */
  readonly limits?: ImageLimits | undefined;
}

/** An open image: its layers can be read until `close`, or until the end of an `await using`. */
export interface OpenedImage extends AsyncDisposable {
  readonly image: LoadedImage;
  /** Closes files, connections and the lock on the store. */
  close(): Promise<void>;
}

const withoutCredentials = ({ credentials: _, ...options }: ImageOptions & Context) => options;

/** Returns the places where a SOURCE may be: the caller's store, standard input, registries. */
export function sourcePlaces(options: ImageOptions & Context = {}): OpenSourceOptions {
  return {
    storeRoot: storePlace(options),
    // Not opened before it is read: a stream of its own changes the descriptor.
    stdin: () => process.stdin,
    limits: options.limits,
    // A dropped blob may come from another registry than the one that the caller's credentials are for.
    registry: withoutCredentials(options),
    completeName: (name) => completeName(name, options),
    openRegistry: (reference) => openRegistrySource(reference, options),
  };
}

/** Opens a SOURCE. A reference that is not in the store opens at its registry. */
export async function openAnywhere(text: string, options: ImageOptions, context: Context): Promise<OpenedSource> {
  try {
    return await openSource(text, sourcePlaces(options), context);
  } catch (error) {
    const isMissing = error instanceof TsimgError && error.code === 'IMAGE_NOT_FOUND';
    if (!isMissing || parseSourceSpec(text).kind !== 'word') throw error;
    refuseHostAlone(text);
    const reference = parseReference(await completeName(text, { ...options, ...context }));
    return { source: openRegistrySource(reference, options), name: formatReference(reference) };
  }
}

/** Returns the options of `withRepair` for a verb that may also pull the image. */
export function repairPlaces(options: ImageOptions & Context): RepairOptions {
  const { signal, onEvent } = options;
  return {
    storeRoot: storePlace(options),
    openRegistry: (reference) => openRegistrySource(reference, options),
    signal,
    onEvent,
  };
}

/**
 * Opens an image for a platform, from any SOURCE that the command line takes: a file (docker or OCI archive, root
 * filesystem), a directory (`./layout`), `docker://REFERENCE`, `oci:PATH:TAG`, or a name in the store. Manifest and
 * config are read and checked; a layer is opened, and verified, when it is read.
 * @throws USAGE, REFERENCE_INVALID, SOURCE_NOT_FOUND, IMAGE_NOT_FOUND, IMAGE_AMBIGUOUS, PLATFORM_NOT_FOUND,
 * BLOB_NOT_FOUND, ARCHIVE_INVALID, DOCUMENT_INVALID, FORMAT_UNSUPPORTED, COMPRESSION_INVALID, LAYER_INVALID,
 * TAR_INVALID, DIGEST_MISMATCH, SIZE_MISMATCH, LIMIT_EXCEEDED, STORE_INVALID, FILESYSTEM; from a registry REGISTRY_…
 * and AUTHENTICATION_…
 * @example
 * await using opened = await openImage('alpine.tar', { platform: parsePlatform('linux/amd64') });
 * for await (const { path, node } of listFiles(opened.image)) console.log(node.kind, path);
 */
export async function openImage(text: string, options: ImageOptions & Context = {}): Promise<OpenedImage> {
  const { platform, signal, onEvent } = options;
  const { source, name } = await openSource(text, sourcePlaces(options), { signal, onEvent });
  try {
    const gate = await openGate(source, options);
    const image = await loadImage(source, { name, platform }, { signal, onEvent });
    await gate.admit({ image, source, name: name ?? text });
    const close = () => source.close();
    return { image, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await source.close();
    throw error;
  }
}

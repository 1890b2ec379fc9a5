import type { ImageLimits } from '../../disk/unpack-options.ts';
import type { Context } from '../../events.ts';
import type { LoadedImage } from '../../image/load.ts';
import { loadImage } from '../../image/load.ts';
import type { Platform } from '../../oci/platform.ts';
import { type OpenSourceOptions, openSource } from '../../sources/open.ts';
import { openRegistrySource, type RegistrySourceOptions } from '../../sources/registry.ts';
import { type StorePlace, storePlace } from '../places.ts';
import type { RepairOptions } from './repair-stored.ts';

/** How a SOURCE is opened: where the store is, how registries are asked, and what is spent on the image. */
export interface ImageOptions extends Omit<RegistrySourceOptions, 'known'>, StorePlace {
  /** The platform that the user asked for; this machine's when absent. */
  readonly platform?: Platform | undefined;
  /** What is spent on the image; of an archive, how large it may become when its wrapping is taken off. */
  readonly limits?: ImageLimits | undefined;
}

/** An image whose layers can be read until it is closed (or disposed of). */
export interface OpenedImage extends AsyncDisposable {
  readonly image: LoadedImage;
  /** Closes the source. Layers cannot be read afterwards. */
  close(): Promise<void>;
}

/** Where the images that a SOURCE can name are: the caller's store, standard input, registries. */
export function sourcePlaces(options: ImageOptions & Context = {}): OpenSourceOptions {
  return {
    storeRoot: storePlace(options),
    stdin: process.stdin,
    limits: options.limits,
    openRegistry: (reference) => openRegistrySource(reference, options),
  };
}

/** How what the store holds damaged is mended by those who would also pull it. */
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
 * SOURCE → its image for a platform. Layers are opened, and verified, as they are read.
 * @throws as openSource and loadImage
 */
export async function openImage(text: string, options: ImageOptions & Context = {}): Promise<OpenedImage> {
  const { platform, signal, onEvent } = options;
  const { source, name } = await openSource(text, sourcePlaces(options), { signal, onEvent });
  try {
    const image = await loadImage(source, { name, platform }, { signal, onEvent });
    const close = () => source.close();
    return { image, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await source.close();
    throw error;
  }
}

import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { passBase } from '../../disk/scan/passed-base.ts';
import type { ImageLimits } from '../../disk/unpack-options.ts';
import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import type { RecordedImage } from '../../host/state/record.ts';
import type { Image } from '../../image/image.ts';
import { makeTemporaryDirectory, type TemporaryDirectory } from '../../sys/file/temporary.ts';
import { type OpenedImage, openImage } from '../image/open-image.ts';
import { foldImage } from '../layers/fold-image.ts';

/** Where the image of a container is looked for. */
export interface ContainerImageOptions extends Context {
  readonly storeRoot: string;
  readonly limits?: ImageLimits | undefined;
}

/**
 * Opens the image that a container was made of: from the store, or from the archive that it was run from.
 * @throws IMAGE_NOT_FOUND where it was removed; what `openImage` throws
 */
export async function openContainerImage(
  { name, digest }: RecordedImage,
  { storeRoot, signal, onEvent, limits }: ContainerImageOptions,
): Promise<OpenedImage> {
  for (const spec of [digest, name]) {
    try {
      const opened = await openImage(spec, { root: storeRoot, signal, onEvent, limits });
      if (opened.image.descriptor.digest === digest) return opened;
      await opened.close();
    } catch (error) {
      const isMissing = error instanceof TsimgError && ['IMAGE_NOT_FOUND', 'SOURCE_NOT_FOUND'].includes(error.code);
      if (!isMissing) throw error;
    }
  }
  throw new TsimgError('IMAGE_NOT_FOUND', 'the container’s image was removed', {
    where: name,
    why: digest,
    hint: 'pull or load it again: the container’s changes are told from it',
  });
}

/**
 * Folds an image, for a comparison with a container's copy of it: a temporary directory gets the contents of all files,
 * and the tree. @throws the errors of `foldImage`, FILESYSTEM
 */
export async function foldForComparison(image: Image, options: ContainerImageOptions): Promise<TemporaryDirectory> {
  const { limits, signal, onEvent } = options;
  const directory = await makeTemporaryDirectory();
  try {
    await using handle = await open(directory.path, constants.O_RDONLY | constants.O_DIRECTORY);
    const { root } = await foldImage(image, { limits, signal, onEvent }, handle.fd);
    passBase({ root, pool: directory.path });
    return directory;
  } catch (error) {
    await directory[Symbol.asyncDispose]();
    throw error;
  }
}

import type { UnpackReport } from '../disk/unpack-options.ts';
import { type ImageOptions, openImage } from './open-image.ts';
import { type UnpackImageOptions, unpackImage } from './unpack.ts';

/** `unpackImage` of whatever SOURCE names. @throws as openImage and unpackImage */
export async function unpackSource(
  source: string,
  destination: string,
  options: ImageOptions & UnpackImageOptions = {},
): Promise<UnpackReport> {
  await using opened = await openImage(source, options);
  return await unpackImage(opened.image, destination, options);
}

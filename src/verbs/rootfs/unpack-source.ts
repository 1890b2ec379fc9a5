import type { UnpackReport } from '../../disk/unpack-options.ts';
import { type ImageOptions, openImage, repairPlaces } from '../image/open-image.ts';
import { withRepair } from '../image/repair-stored.ts';
import { type UnpackImageOptions, unpackImage } from './unpack.ts';

/** `unpackImage` of whatever SOURCE names; what the store holds damaged of it is fetched again. @throws as openImage and unpackImage */
export async function unpackSource(
  source: string,
  destination: string,
  options: ImageOptions & UnpackImageOptions = {},
): Promise<UnpackReport> {
  return await withRepair([source], repairPlaces(options), async () => {
    await using opened = await openImage(source, options);
    return await unpackImage(opened.image, destination, options);
  });
}

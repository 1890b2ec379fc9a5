import type { Context } from '../../events.ts';
import { type LoadedImage, loadImage } from '../../image/load.ts';
import type { Source } from '../../image/source.ts';
import { type ImageOptions, openAnywhere } from '../image/open-image.ts';
import { openPolicyGate } from '../verify/admit.ts';
import { imageOf } from '../verify/loaded-from.ts';

/** An image that another one is made of. Its layers can be read until the end of the `await using`. */
export interface BaseImage extends AsyncDisposable {
  readonly image: LoadedImage;
  readonly source: Source;
}

/**
 * Opens the image that another one is made of: a reference, which is taken from the store or else from its registry, or
 * any SOURCE. What does not come from the store must be accepted by policy.json.
 * @throws as `copySource`
 */
export async function openBase(text: string, options: ImageOptions & Context): Promise<BaseImage> {
  const { platform, signal, onEvent } = options;
  const { source, name } = await openAnywhere(text, options, { signal, onEvent });
  try {
    const gate = await openPolicyGate(source, options);
    const image = await loadImage(source, { name, platform }, { signal, onEvent });
    await gate(imageOf({ image, source, name: name ?? text }));
    return { image, source, [Symbol.asyncDispose]: () => source.close() };
  } catch (error) {
    await source.close();
    throw error;
  }
}

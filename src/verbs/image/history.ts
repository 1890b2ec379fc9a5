import type { Context } from '../../events.ts';
import { loadImage } from '../../image/load.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Platform } from '../../oci/platform.ts';
import { type OpenSourceOptions, openSource } from '../../sources/open.ts';
import { withRepair } from './repair-stored.ts';

/** One step in the history of an image. */
export interface HistoryLine {
  /** The image's ID, at the newest step only: the IDs of earlier steps are not recorded. */
  readonly id: Digest | undefined;
  /** RFC 3339, as the builder wrote it. */
  readonly created: string | undefined;
  readonly createdBy: string;
  /** Bytes of the layer as stored (compressed); 0 for a step without a layer. */
  readonly size: number;
  readonly comment: string;
}

/**
 * Lists how an image (any SOURCE) was made, by its config, the newest step first. Layers that the history leaves out
 * come last: they are older than the steps that it has.
 * @throws what `openSource` and `loadImage` throw
 */
export async function imageHistory(
  spec: string,
  options: OpenSourceOptions & { readonly platform?: Platform | undefined },
  context: Context = {},
): Promise<readonly HistoryLine[]> {
  return await withRepair([spec], { storeRoot: options.storeRoot, ...context }, async () => {
    const { source, name } = await openSource(spec, options, context);
    try {
      const { config, manifest } = await loadImage(source, { name, platform: options.platform }, context);
      const sizes = manifest.layers.map(({ size }) => size);
      const known = config.history.toReversed().map(({ created, createdBy = '', comment = '', emptyLayer }) => {
        return { created, createdBy, comment, size: emptyLayer ? 0 : (sizes.pop() ?? 0) };
      });
      const unknown = sizes.reverse().map((size) => ({ created: undefined, createdBy: '', comment: '', size }));
      return [...known, ...unknown].map((line, index) => ({
        id: index === 0 ? manifest.config.digest : undefined,
        ...line,
      }));
    } finally {
      await source.close();
    }
  });
}

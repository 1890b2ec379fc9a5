import type { Readable } from 'node:stream';
import type { LayerInput } from '../../disk/read/read-layer.ts';
import type { Image } from '../../image/image.ts';

/** The layers of an image as the fold reads them, base first. */
export function layerInputs({ layers }: Image): readonly LayerInput[] {
  return layers.map((layer) => {
    const { size, digest } = layer.descriptor;
    const locate: LayerInput['locate'] = async (signal) => await layer.locate?.(signal);
    return {
      label: layer.diffId,
      diffId: layer.diffId,
      size,
      digest,
      blob: layer.where,
      open: (signal) => layer.open(signal),
      locate,
      fetch: layer.fetch,
    };
  });
}

/** One tar archive, compressed or not, for which nobody vouches, as the only layer. @param size bytes, 0 where not known */
export function archiveInput(archive: Readable, label: string, size: number): LayerInput {
  return { label, diffId: undefined, size, open: async () => archive };
}

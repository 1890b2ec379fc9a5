import type { Readable } from 'node:stream';
import type { LayerInput } from '../../disk/read/read-layer.ts';
import type { Image } from '../../image/image.ts';

/** Returns the layers of an image in the form that the fold reads, base first. */
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

/**
 * Returns one tar archive, compressed or not, as the only layer. There is no digest to verify it with.
 * @param size in bytes; 0 where it is not known
 */
export function archiveInput(archive: Readable, label: string, size: number): LayerInput {
  return { label, diffId: undefined, size, open: async () => archive };
}

import type { Digest } from './digest.ts';

/**
 * Returns the chain ID of each layer, base first: the digest that names a layer together with all layers below it.
 * OCI image spec, config.md, "Layer ChainID".
 * @param digestOfText computes a sha256 digest: `digestOf` (this room computes no hash)
 * @example
 * chainIds(image.config.diffIds, digestOf);
 */
export function chainIds(diffIds: readonly Digest[], digestOfText: (text: string) => Digest): readonly Digest[] {
  const chain: Digest[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push(below === undefined ? diffId : digestOfText(`${below} ${diffId}`));
  }
  return chain;
}

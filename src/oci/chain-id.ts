import type { Digest } from './digest.ts';

/**
 * The chain ID of each layer, base first: what a stack of layers up to this one is called.
 * OCI image spec, config.md, "Layer ChainID". `digestOfText` is passed in: this room computes no hash.
 */
export function chainIds(diffIds: readonly Digest[], digestOfText: (text: string) => Digest): readonly Digest[] {
  const chain: Digest[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push(below === undefined ? diffId : digestOfText(`${below} ${diffId}`));
  }
  return chain;
}

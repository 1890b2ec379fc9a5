import type { AttachedBytes, WantedContent } from '../../../src/verify/verify-attached.ts';
import type { Requirement } from '../../../src/verify/verify-candidate.ts';
import { ecKeys, makeSignerWorld, type RootDocument, simpleSigning, statement } from './signer.ts';
import { DIGEST, judge } from './verdict.ts';

/** Signatures of the image `DIGEST` in which nothing is broken, and who judges them: what tests of bindings break. */
export async function makeBindingsWorld() {
  const world = await makeSignerWorld();
  /** Everything in it is the same, and none of it is known to the first one. */
  const foreign = await makeSignerWorld();
  const keys = ecKeys();
  const payload = simpleSigning(DIGEST, 'registry.example/app');
  const keySigner = world.keySigner(keys);
  const signer = await world.certified();
  return {
    world,
    foreign,
    keys,
    payload,
    keySigner,
    signer,
    goodByKey: await world.legacy(keySigner, payload),
    goodKeyless: await world.legacy(signer, payload, { stamped: true }),
    goodBundle: await world.bundle(signer, statement(DIGEST)),
    /** The verdict by the first world's trusted root, or by another one. */
    judge: (
      attached: AttachedBytes,
      requirement: Requirement,
      options: Partial<WantedContent> & { readonly root?: object } = {},
    ) => judge(attached, requirement, { root: world.rootDocument, ...options }),
    /** The first world's trusted root, but for a part that is the other world's. */
    withForeign: (part: keyof RootDocument): RootDocument => ({
      ...world.rootDocument,
      [part]: foreign.rootDocument[part],
    }),
  };
}

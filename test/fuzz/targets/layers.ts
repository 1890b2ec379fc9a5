import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SANDBOX } from '../../../fixtures/conformance/outside.ts';
import { makeSandbox, type Sandbox } from '../../../scripts/conformance/sandbox.ts';
import { buildRootfs } from '../../../src/disk/build-rootfs.ts';
import type { UnpackReport } from '../../../src/disk/unpack-options.ts';
import { errnoOf } from '../../../src/errors.ts';
import { asIdentity, type Identity } from '../../support/host/as-user.ts';
import { layerInputs } from '../../support/image/layer-input.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { codeOrThrow, fault } from '../ending.ts';
import { mutateTar } from '../mutate/mutate-tar.ts';
import type { Random } from '../mutate/random.ts';
import { foldLayers, treeDifference } from '../peers/folded-tree.ts';
import { layerSeeds } from '../seeds.ts';
import type { Input, Target } from '../target.ts';

/** Errors that only the disk reports: then the fold made a decision that the second check had to correct. */
const DISAGREEMENTS = [
  'EACCES',
  'EBADF',
  'EEXIST',
  'EISDIR',
  'ELOOP',
  'ENOENT',
  'ENOTDIR',
  'ENOTEMPTY',
  'EPERM',
  'EXDEV',
];

async function unpack(layers: Input, rootfs: string, threads: number): Promise<UnpackReport | string> {
  try {
    return await buildRootfs(layerInputs(...layers), rootfs, { force: true, threads });
  } catch (error) {
    if (DISAGREEMENTS.includes(errnoOf(error) ?? '')) throw error;
    return codeOrThrow(error);
  }
}

/** Returns a fault of the tree, also that there is a tree after a failure. */
function complaintsOf(
  result: UnpackReport | string,
  layers: Input,
  rootfs: string,
  identity: Identity,
): readonly string[] {
  if (typeof result === 'string') return existsSync(rootfs) ? [`refused with ${result}, and there is a tree`] : [];
  const folded = foldLayers(layers);
  if (folded === undefined) return [];
  const isWhole = identity === 'root' && !result.tolerated.has('xattrs');
  const difference = treeDifference(rootfs, folded, { ownership: identity === 'root' ? 'set' : 'record', isWhole });
  return difference === undefined ? [] : [`the tree is not the fold's:${difference}`];
}

interface Place {
  readonly sandbox: Sandbox;
  readonly changesOf: () => readonly string[];
}

async function run(layers: Input, place: Place, identity: Identity, threads: number): Promise<string> {
  const { rootfs } = place.sandbox;
  const complaints: string[] = [];
  let ending = 'accepted';
  try {
    const result = await unpack(layers, rootfs, threads);
    if (typeof result === 'string') ending = result;
    complaints.push(...complaintsOf(result, layers, rootfs, identity));
  } finally {
    rmSync(rootfs, { recursive: true, force: true });
  }
  // A staging directory that was left is found here too.
  complaints.push(...place.changesOf().map((line) => `outside of the root: ${line}`));
  if (complaints.length > 0) throw fault(complaints.join('; '));
  return ending;
}

function mutate(seed: Input, other: Input, random: Random): Input {
  const layers = random.once(4) ? [...seed, ...other] : [...seed];
  const material = other[random.below(other.length)] ?? Buffer.alloc(0);
  for (let count = 1 + random.below(2); count > 0; count--) {
    const index = random.below(layers.length);
    layers[index] = mutateTar(layers[index] ?? Buffer.alloc(0), material, random);
  }
  return random.once(6) ? layers.toReversed() : layers;
}

function layersTarget(identity: Identity): Target {
  const sandboxed = process.geteuid?.() === 0;
  return {
    name: identity === 'root' ? 'layers' : 'layers-as-user',
    rule: `layers that ${identity} unpacks are refused or become the tree that the fold says, and nothing outside changes`,
    sandboxed,
    seeds: layerSeeds,
    mutate,
    open() {
      const root = sandboxed ? SANDBOX : join(tempDir(), 'sandbox');
      const lay = (): Place => {
        const sandbox = makeSandbox(root);
        return { sandbox, changesOf: sandbox.watch() };
      };
      // The canaries belong to the user that unpacks, so no permission protects them. After a fault they are made anew.
      let laid: Place | undefined;
      return {
        run: (input, random) =>
          asIdentity(identity, async () => {
            const place = laid ?? lay();
            laid = undefined;
            // No threads: to start one takes as long as to make fifty trees.
            const ending = await run(input, place, identity, random.once(64) ? 2 : 0);
            laid = place;
            return ending;
          }),
        close: () => laid?.sandbox.clear(),
      };
    },
  };
}

/** Targets as root, which only tsimg's checks stop, and as an ordinary user, which the kernel stops too. */
export const LAYER_TARGETS: readonly Target[] =
  process.geteuid?.() === 0 ? [layersTarget('root'), layersTarget('ordinary user')] : [layersTarget('ordinary user')];

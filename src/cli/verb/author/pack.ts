import type { Command } from 'commander';
import type { ImageLimits } from '../../../disk/unpack-options.ts';
import {
  type EditOptions,
  editChoice,
  type LayerOptions,
  layerChoice,
  type TargetOptions,
  targetChoice,
  withEdits,
  withLayers,
  withTarget,
} from '../../option/author.ts';
import { limitChoice, withExpansionLimits } from '../../option/image-limits.ts';
import { type SourceOptions, sourceChoice, withSource } from '../../option/source.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';

interface PackOptions extends CommonOptions, SourceOptions, ImageLimits, TargetOptions, EditOptions, LayerOptions {}

/** Adds `tsimg pack`. It prints the new image's ID. */
export function addPack(program: Command): void {
  const pack = program
    .command('pack')
    .description('Make an image of a directory or of a tar of a root filesystem, and print its ID.')
    .argument('<path>', 'a directory, a tar archive (compressed or not), or - for standard input');
  withCommon(withSource(withExpansionLimits(withLayers(withEdits(withTarget(pack)))))).action(
    async (path: string, _: unknown, invoked: Command) => {
      const options: PackOptions = invoked.optsWithGlobals();
      const choice = { ...sourceChoice(options), ...targetChoice(options), ...layerChoice(options) };
      await inSession(options, async ({ context, print, printJson }) => {
        const { packImage } = await import('../../../verbs/author/pack.ts');
        const settings = { ...choice, ...context, root: options.root, limits: limitChoice(options) };
        const made = await packImage(path, editChoice(options), settings);
        if (options.json) printJson(made);
        else print(made.id);
      });
    },
  );
}

import type { Command } from 'commander';
import type { ImageLimits } from '../../../disk/unpack-options.ts';
import {
  type EditOptions,
  editChoice,
  type TargetOptions,
  targetChoice,
  withEdits,
  withTarget,
} from '../../option/author.ts';
import { limitChoice, withExpansionLimits } from '../../option/image-limits.ts';
import { type SourceOptions, sourceChoice, withSignaturePolicy, withSource } from '../../option/source.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';

interface ConfigOptions extends CommonOptions, SourceOptions, ImageLimits, TargetOptions, EditOptions {}

/** Adds `tsimg config`. It prints the new image's ID. */
export function addConfig(program: Command): void {
  const config = program
    .command('config')
    .description('Make an image with other settings of the same layers, and print its ID.')
    .argument('<source>', 'a reference (from the store, else from its registry), or any SOURCE');
  withCommon(withSource(withSignaturePolicy(withExpansionLimits(withEdits(withTarget(config)))))).action(
    async (source: string, _: unknown, invoked: Command) => {
      const options: ConfigOptions = invoked.optsWithGlobals();
      const choice = sourceChoice(options);
      await inSession(options, async ({ context, print, printJson }) => {
        const { configureImage } = await import('../../../verbs/author/config.ts');
        const settings = { ...choice, ...targetChoice(options), ...context, root: options.root };
        const made = await configureImage(source, editChoice(options), { ...settings, limits: limitChoice(options) });
        if (options.json) printJson(made);
        else print(made.id);
      });
    },
  );
}

import type { Command } from 'commander';
import type { ImageLimits } from '../../../disk/unpack-options.ts';
import {
  type LayerOptions,
  layerChoice,
  type TargetOptions,
  targetChoice,
  withLayers,
  withTarget,
} from '../../option/author.ts';
import { limitChoice, withLimits } from '../../option/image-limits.ts';
import { type SourceOptions, sourceChoice, withSignaturePolicy, withSource } from '../../option/source.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';

interface AppendOptions extends CommonOptions, SourceOptions, ImageLimits, TargetOptions, LayerOptions {
  readonly changes?: string;
}

/** Adds `tsimg append`. It prints the new image's ID. */
export function addAppend(program: Command): void {
  const append = program
    .command('append')
    .description('Make an image with more layers on top: directories, tars, or what changed since unpack.')
    .argument('<source>', 'a reference (from the store, else from its registry), or any SOURCE')
    .argument('[path...]', 'directories and tar archives, the lowest layer first; - is standard input')
    .option('--changes <dir>', 'add what changed in this directory since the image was unpacked there');
  withCommon(withSource(withSignaturePolicy(withLimits(withLayers(withTarget(append)))))).action(
    async (source: string, paths: string[], _: unknown, invoked: Command) => {
      const options: AppendOptions = invoked.optsWithGlobals();
      const choice = { ...sourceChoice(options), ...targetChoice(options), ...layerChoice(options) };
      await inSession(options, async ({ context, print, printJson }) => {
        const { appendLayers } = await import('../../../verbs/author/append.ts');
        const { root, changes } = options;
        const settings = { ...choice, ...context, root, changes, limits: limitChoice(options) };
        const made = await appendLayers(source, paths, settings);
        if (options.json) printJson(made);
        else print(made.id);
      });
    },
  );
}

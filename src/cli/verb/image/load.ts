import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { ImageLimits } from '../../../disk/unpack-options.ts';
import { TsimgError } from '../../../errors.ts';
import { limitChoice, withExpansionLimits } from '../../option/image-limits.ts';
import { type SourceOptions, sourceChoice, withSignaturePolicy, withSource } from '../../option/source.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';

interface LoadOptions extends CommonOptions, SourceOptions, ImageLimits {
  readonly input?: string;
}

/** Adds `tsimg load`. */
export function addLoad(program: Command): void {
  const load = program
    .command('load')
    .description('Load the images of an archive into the store.')
    .argument('[source]', 'an archive or a layout (default: standard input)')
    .option('-i, --input <file>', 'the archive, in place of SOURCE');
  withCommon(withSource(withSignaturePolicy(withExpansionLimits(load)))).action(
    async (source: string | undefined, _: unknown, invoked: Command) => {
      const options: LoadOptions = invoked.optsWithGlobals();
      const choice = sourceChoice(options);
      if (source !== undefined && options.input !== undefined) {
        throw new TsimgError('USAGE', 'an archive is named twice', { hint: 'leave out -i or SOURCE' });
      }
      // The value of -i is a file, never a reference.
      const file = options.input === undefined ? '-' : resolve(options.input);
      const spec = source ?? (options.input === '-' ? '-' : file);
      await inSession(options, async ({ context, print, printJson }) => {
        const [{ loadArchive }, { sourcePlaces }] = await Promise.all([
          import('../../../verbs/image/load.ts'),
          import('../../../verbs/image/open-image.ts'),
        ]);
        const places = sourcePlaces({ ...choice, ...context, root: options.root, limits: limitChoice(options) });
        const images = await loadArchive(spec, { ...places, ...choice }, context);
        if (options.json) {
          printJson(images);
          return;
        }
        for (const { names, imageId } of images) {
          for (const name of names.length > 0 ? names : [imageId])
            print(options.quiet ? name : `Loaded image: ${name}`);
        }
      });
    },
  );
}

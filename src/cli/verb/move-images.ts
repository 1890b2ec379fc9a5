import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { ImageLimits } from '../../disk/unpack-options.ts';
import { TsimgError } from '../../errors.ts';
import type { SaveFormat } from '../../verbs/image/save.ts';
import { limitChoice, withExpansionLimits } from '../option/limits.ts';
import { type SourceOptions, sourceChoice, withSource } from '../option/source.ts';
import { type CommonOptions, inSession, withCommon } from '../session.ts';
import { archiveOutput } from '../show/archive-output.ts';

interface SaveOptions extends CommonOptions, SourceOptions, ImageLimits {
  readonly output?: string;
  readonly format: SaveFormat;
}

interface LoadOptions extends CommonOptions, SourceOptions, ImageLimits {
  readonly input?: string;
}

/** `tsimg save` and `tsimg load`: images between the store and archives. */
export function addMoves(program: Command): void {
  const save = program
    .command('save')
    .description('Write images to an archive that docker, podman, skopeo and containerd read.')
    .argument('<source...>', 'references in the store, or any SOURCE')
    .option('-o, --output <path>', 'the file (or directory, for oci-dir) to make; standard output without it')
    .addOption(
      new Option('--format <format>', 'the form')
        .choices(['docker-archive', 'oci-archive', 'oci-dir'])
        .default('docker-archive'),
    );
  withCommon(withSource(withExpansionLimits(save))).action(async (sources: string[], _: unknown, invoked: Command) => {
    const options: SaveOptions = invoked.optsWithGlobals();
    const choice = sourceChoice(options);
    const destination = archiveOutput(options.output);
    await inSession(options, async ({ context }) => {
      const [{ saveImages }, { sourcePlaces }] = await Promise.all([
        import('../../verbs/image/save.ts'),
        import('../../verbs/image/open-image.ts'),
      ]);
      const places = sourcePlaces({ ...choice, ...context, root: options.root, limits: limitChoice(options) });
      await saveImages(sources, destination, { ...places, format: options.format, platform: choice.platform }, context);
    });
  });

  const load = program
    .command('load')
    .description('Read the images of an archive into the store.')
    .argument('[source]', 'an archive or a layout; standard input without it')
    .option('-i, --input <file>', 'the archive');
  withCommon(withSource(withExpansionLimits(load))).action(
    async (source: string | undefined, _: unknown, invoked: Command) => {
      const options: LoadOptions = invoked.optsWithGlobals();
      const choice = sourceChoice(options);
      if (source !== undefined && options.input !== undefined) {
        throw new TsimgError('USAGE', 'an archive is named twice', { hint: 'leave out -i, or the operand' });
      }
      // What -i names is a file, never a reference.
      const file = options.input === undefined ? '-' : resolve(options.input);
      const spec = source ?? (options.input === '-' ? '-' : file);
      await inSession(options, async ({ context, print, printJson }) => {
        const [{ loadArchive }, { sourcePlaces }] = await Promise.all([
          import('../../verbs/image/load.ts'),
          import('../../verbs/image/open-image.ts'),
        ]);
        const places = sourcePlaces({ ...choice, ...context, root: options.root, limits: limitChoice(options) });
        const images = await loadArchive(spec, { ...places, platform: choice.platform }, context);
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

import type { Command } from 'commander';
import type { ImageLimits } from '../../disk/unpack-options.ts';
import { TsimgError } from '../../errors.ts';
import { storePlace } from '../../verbs/places.ts';
import { limitChoice, withLimits } from '../option/image-limits.ts';
import { type SourceOptions, sourceChoice, withSignaturePolicy, withSource } from '../option/source.ts';
import { type CommonOptions, inSession, withCommon } from '../session.ts';
import { archiveOutput } from '../show/archive-output.ts';

interface ExportOptions extends CommonOptions, SourceOptions, ImageLimits {
  readonly output?: string;
}

/** Adds `tsimg export`. */
export function addExport(program: Command): void {
  const command = program
    .command('export')
    .description('Write the root filesystem of an image as one tar archive, the same bytes each time.')
    .argument('<source>', 'an archive, a layout, - (stdin), or a reference')
    .argument('[file]', 'the archive to make, or - (default: standard output)')
    .option('-o, --output <file>', 'the same as FILE');
  withCommon(withSource(withSignaturePolicy(withLimits(command)))).action(
    async (source: string, file: string | undefined, _: unknown, invoked: Command) => {
      const options: ExportOptions = invoked.optsWithGlobals();
      if (file !== undefined && options.output !== undefined) {
        throw new TsimgError('USAGE', 'the archive has two names', {
          where: `${file}, ${options.output}`,
          hint: 'leave out -o or FILE',
        });
      }
      const destination = archiveOutput(file ?? options.output);
      const choice = sourceChoice(options);
      const limits = limitChoice(options);
      await inSession(options, async ({ context }) => {
        const [{ exportImage }, { openImage }, { withRepair }] = await Promise.all([
          import('../../verbs/rootfs/export.ts'),
          import('../../verbs/image/open-image.ts'),
          import('../../verbs/image/repair-stored.ts'),
        ]);
        await withRepair([source], { storeRoot: storePlace(options), ...context }, async () => {
          await using opened = await openImage(source, { ...choice, ...context, root: options.root, limits });
          await exportImage(opened.image, destination, { ...context, limits });
        });
      });
    },
  );
}

import { type Command, Option } from 'commander';
import type { ImageLimits } from '../../../disk/unpack-options.ts';
import type { SaveFormat } from '../../../verbs/image/save.ts';
import { type RecompressionOptions, recompressionChoice, withRecompression } from '../../option/compression.ts';
import { limitChoice, withExpansionLimits } from '../../option/image-limits.ts';
import { type SourceOptions, sourceChoice, withSignaturePolicy, withSource } from '../../option/source.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';
import { archiveOutput } from '../../show/archive-output.ts';

interface SaveOptions extends CommonOptions, SourceOptions, ImageLimits, RecompressionOptions {
  readonly output?: string;
  readonly format: SaveFormat;
}

/** Adds `tsimg save`. */
export function addSave(program: Command): void {
  const save = program
    .command('save')
    .description('Write images to an archive that docker, podman, skopeo and containerd read.')
    .argument('<source...>', 'references in the store, or any SOURCE')
    .option(
      '-o, --output <path>',
      'the file to make or to replace, or the directory for oci-dir (default: standard output)',
    )
    .addOption(
      new Option('--format <format>', 'the form of the archive')
        .choices(['docker-archive', 'oci-archive', 'oci-dir'])
        .default('docker-archive'),
    );
  withCommon(withSource(withSignaturePolicy(withExpansionLimits(withRecompression(save))))).action(
    async (sources: string[], _: unknown, invoked: Command) => {
      const options: SaveOptions = invoked.optsWithGlobals();
      const choice = { ...sourceChoice(options), compression: recompressionChoice(options) };
      const destination = archiveOutput(options.output);
      await inSession(options, async ({ context }) => {
        const [{ saveImages }, { sourcePlaces }, { openConnections }] = await Promise.all([
          import('../../../verbs/image/save.ts'),
          import('../../../verbs/image/open-image.ts'),
          import('../../../registry/connections.ts'),
        ]);
        using connections = openConnections();
        const { root, format } = options;
        const places = sourcePlaces({ ...choice, ...context, connections, root, limits: limitChoice(options) });
        await saveImages(sources, { ...places, ...choice, destination, format }, context);
      });
    },
  );
}

import type { Command } from 'commander';
import type { ImageLimits } from '../../../disk/unpack-options.ts';
import { limitChoice, parseSize, withExpansionLimits } from '../../option/limits.ts';
import { type SourceOptions, sourceChoice, withSignaturePolicy, withSource } from '../../option/source.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';

interface CopyOptions extends CommonOptions, SourceOptions, ImageLimits {
  readonly all?: boolean;
  readonly referrers?: boolean;
  readonly chunkSize?: number;
}

/** Adds `tsimg copy`. It prints the digest that the destination has. */
export function addCopy(program: Command): void {
  const copy = program
    .command('copy')
    .description('Copy an image from anywhere to anywhere, without the store between them.')
    .argument('<source>', 'a reference (from the store, else from its registry), or any SOURCE')
    .argument(
      '<sink>',
      'a reference, store:REFERENCE, oci:PATH[:NAME], oci-archive:FILE[:NAME] or docker-archive:FILE[:NAME]',
    )
    .option('-a, --all', 'copy the images of all platforms with their index, or an artifact')
    .option('--referrers', 'copy what is attached to the image, too: signatures, attestations, SBOMs')
    .option('--chunk-size <size>', 'send blobs in requests of this size, for registries that limit it', parseSize);
  withCommon(withSource(withSignaturePolicy(withExpansionLimits(copy)))).action(
    async (source: string, sink: string, _: unknown, invoked: Command) => {
      const options: CopyOptions = invoked.optsWithGlobals();
      const choice = sourceChoice(options);
      await inSession(options, async ({ context, print, printJson }) => {
        const { copySource } = await import('../../../verbs/registry/copy.ts');
        const { root, all, referrers, chunkSize } = options;
        const settings = { ...choice, ...context, root, all, referrers, chunkSize, limits: limitChoice(options) };
        const report = await copySource(source, sink, settings);
        if (options.json) printJson(report);
        else print(report.digest);
      });
    },
  );
}

import type { Command } from 'commander';
import type { ImageLimits } from '../../../disk/unpack-options.ts';
import { storePlace } from '../../../verbs/places.ts';
import { layerCompression, type NewLayerOptions, withLayerCompression } from '../../option/compression.ts';
import { limitChoice, withExpansionLimits } from '../../option/image-limits.ts';
import { collect } from '../../option/parsers.ts';
import { booleanText, parseBoolean } from '../../option/source.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';

interface CommitChoice extends CommonOptions, ImageLimits, NewLayerOptions {
  readonly author?: string;
  readonly message?: string;
  readonly change: readonly string[];
  readonly pause?: string | boolean;
}

/** Adds `tsimg commit`. */
export function addCommit(program: Command): void {
  const commit = program
    .command('commit')
    .description('Make an image of a container, with its changes as one more layer, and print the image’s ID.')
    .argument('<container>', 'a name or an ID')
    .argument('[reference]', 'the name of the new image (default: none)')
    .option('-a, --author <name>', 'the author of the image')
    .option('-m, --message <text>', 'a comment for the history')
    .option(
      '-c, --change <instruction>',
      'an instruction of a Dockerfile: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, STOPSIGNAL, USER, VOLUME ' +
        'or WORKDIR',
      collect,
      [],
    )
    .option('-p, --pause [bool]', 'freeze the container while its files are read (default: true)', (value) =>
      booleanText('--pause')(value.replace(/^=/, '')),
    );
  withCommon(withExpansionLimits(withLayerCompression(commit, 'gzip'))).action(
    async (container: string, reference: string | undefined, _: unknown, invoked: Command) => {
      const options: CommitChoice = invoked.optsWithGlobals();
      const { author, message, change: changes } = options;
      const pause = parseBoolean(String(options.pause ?? true), '--pause');
      await inSession(options, async ({ context, print, printJson }) => {
        const { commitContainer } = await import('../../../verbs/changes/commit.ts');
        const limits = limitChoice(options);
        const choice = { author, message, changes, pause, reference, limits, compression: layerCompression(options) };
        const id = await commitContainer(container, { ...choice, ...context, storeRoot: storePlace(options) });
        if (options.json) printJson({ id });
        else print(id);
      });
    },
  );
}

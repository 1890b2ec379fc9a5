import type { Command } from 'commander';
import type { ImageLimits } from '../../../disk/unpack-options.ts';
import { storePlace } from '../../../verbs/places.ts';
import { limitChoice, withExpansionLimits } from '../../option/limits.ts';
import { collect } from '../../option/parsers.ts';
import { parseBoolean } from '../../option/source.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';

interface CommitChoice extends CommonOptions, ImageLimits {
  readonly author?: string;
  readonly message?: string;
  readonly change: readonly string[];
  readonly pause?: string | boolean;
}

/** `tsimg commit` */
export function addCommit(program: Command): void {
  const commit = program
    .command('commit')
    .description('Make an image of a container: its image, and what it changed as one more layer. Prints the ID.')
    .argument('<container>', 'a name or an ID')
    .argument('[reference]', 'the name that the image gets')
    .option('-a, --author <who>', 'who made it')
    .option('-m, --message <text>', 'a comment')
    .option(
      '-c, --change <instruction>',
      'a Dockerfile’s CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME or WORKDIR (several)',
      collect,
      [],
    )
    .option('-p, --pause [bool]', 'stop the container’s processes meanwhile (true)');
  withCommon(withExpansionLimits(commit)).action(
    async (container: string, reference: string | undefined, _: unknown, invoked: Command) => {
      const options: CommitChoice = invoked.optsWithGlobals();
      const { author, message, change: changes } = options;
      const pause = parseBoolean(String(options.pause ?? true).replace(/^=/, ''), '--pause');
      await inSession(options, async ({ context, print, printJson }) => {
        const { commitContainer } = await import('../../../verbs/changes/commit.ts');
        const choice = { author, message, changes, pause, reference, limits: limitChoice(options) };
        const id = await commitContainer(container, { ...choice, ...context, storeRoot: storePlace(options) });
        if (options.json) printJson({ id });
        else print(id);
      });
    },
  );
}

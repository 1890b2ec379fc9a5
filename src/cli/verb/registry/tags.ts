import type { Command } from 'commander';
import { parseRemoteReference, type SourceOptions, sourceChoice, withSource } from '../../option/source.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';
import { displayName } from '../../show/escape.ts';

interface TagsOptions extends CommonOptions, SourceOptions {}

/** Adds `tsimg tags`. */
export function addTags(program: Command): void {
  const tags = program
    .command('tags')
    .description('List the tags of a repository.')
    .argument('<repository>', 'a repository, as pull takes it, without a tag');
  withCommon(withSource(tags)).action(async (repository: string, _: unknown, invoked: Command) => {
    const options: TagsOptions = invoked.optsWithGlobals();
    const choice = sourceChoice(options);
    const reference = parseRemoteReference(repository);
    await inSession(options, async ({ context, print, printJson }) => {
      const { listTags } = await import('../../../verbs/registry/tags.ts');
      const found = await listTags(reference, { ...choice, ...context });
      if (options.json) printJson(found);
      else for (const tag of found) print(displayName(tag));
    });
  });
}

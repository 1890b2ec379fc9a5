import type { Command } from 'commander';
import { TsimgError } from '../../../errors.ts';
import { formatFamiliar, type Reference } from '../../../oci/reference.ts';
import { parseRemoteReference, type SourceOptions, sourceChoice, withRegistry } from '../../option/source.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';
import { displayName } from '../../show/escape.ts';

interface TagsOptions extends CommonOptions, SourceOptions {}

/** A repository, without a tag or digest that the list would not depend on. @throws USAGE, REFERENCE_INVALID */
function repositoryOf(text: string): Reference {
  const reference = parseRemoteReference(text);
  const bare = formatFamiliar({ ...reference, tag: undefined, digest: undefined });
  // A name without a tag parses to one with `latest`, as the name with the tag does.
  if (reference.digest === undefined && !text.endsWith(`:${reference.tag}`)) return reference;
  throw new TsimgError('USAGE', 'the tags are those of a repository, not of one image', {
    where: text,
    hint: `tsimg tags ${bare}`,
  });
}

/** Adds `tsimg tags`. */
export function addTags(program: Command): void {
  const tags = program
    .command('tags')
    .description('List the tags of a repository.')
    .argument('<repository>', 'a repository, as pull takes it, without a tag');
  withCommon(withRegistry(tags)).action(async (repository: string, _: unknown, invoked: Command) => {
    const options: TagsOptions = invoked.optsWithGlobals();
    const choice = sourceChoice(options);
    repositoryOf(repository);
    await inSession(options, async ({ context, print, printJson }) => {
      const { listTags } = await import('../../../verbs/registry/tags.ts');
      const { completeName } = await import('../../../registry/mirrors/short-name.ts');
      const reference = repositoryOf(await completeName(repository, { ...choice, ...context }));
      const found = await listTags(reference, { ...choice, ...context });
      if (options.json) printJson(found);
      else for (const tag of found) print(displayName(tag));
    });
  });
}

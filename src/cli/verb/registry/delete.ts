import type { Command } from 'commander';
import { TsimgError } from '../../../errors.ts';
import { confirm } from '../../confirm.ts';
import { parseRemoteReference, type SourceOptions, sourceChoice, withRegistry } from '../../option/source.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';

interface DeleteOptions extends CommonOptions, SourceOptions {
  readonly yes?: boolean;
}

/** Adds `tsimg delete`. It prints the reference that is gone. */
export function addDelete(program: Command): void {
  const remove = program
    .command('delete')
    .description('Delete a tag, or a manifest by its digest with all its tags, from a registry.')
    .argument('<reference>', 'a name with a tag or a digest')
    .option('-y, --yes', 'do not ask first; needed without a terminal');
  withCommon(withRegistry(remove)).action(async (text: string, _: unknown, invoked: Command) => {
    const options: DeleteOptions = invoked.optsWithGlobals();
    const choice = sourceChoice(options);
    parseRemoteReference(text);
    await inSession(options, async ({ context, print, printJson }) => {
      const { deleteImage, findDeletion } = await import('../../../verbs/registry/delete.ts');
      const { completeName } = await import('../../../registry/mirrors/short-name.ts');
      const settings = { ...choice, ...context };
      const reference = parseRemoteReference(await completeName(text, settings));
      const found = await findDeletion(reference, settings);
      const kind = reference.digest === undefined ? 'the tag' : 'the manifest, with all its tags,';
      const what = `This removes ${kind} ${found.reference} (${found.digest}) from the registry.`;
      if (!options.yes && !(await confirm(what, '--yes', context.signal))) {
        throw new TsimgError('USAGE', 'nothing is deleted without a yes', {
          where: found.reference,
          hint: 'answer y, or give --yes',
        });
      }
      await deleteImage(reference, settings);
      if (options.json) printJson(found);
      else print(found.reference);
    });
  });
}

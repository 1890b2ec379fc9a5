import type { Command } from 'commander';
import type { ImageLimits } from '../../disk/unpack-options.ts';
import { storePlace } from '../../verbs/image/store-place.ts';
import { limitChoice, withLimits } from '../option/limits.ts';
import { parseRemoteReference, type SourceOptions, sourceChoice, withSource } from '../option/source.ts';
import { type CommonOptions, inSession, withCommon } from '../session.ts';
import { displayName } from '../show/escape.ts';
import { formatEntry, formatEntryJson, formatPath } from '../show/format-entry.ts';

interface LookOptions extends CommonOptions, SourceOptions, ImageLimits {
  readonly long?: boolean;
}

/** `tsimg ls` and `tsimg tags`: looking at an image without unpacking it. */
export function addLooks(program: Command): void {
  const ls = program
    .command('ls')
    .description('List the files of an image, without unpacking it; with --json one object a line.')
    .argument('<source>', 'a reference in the store, or any SOURCE')
    .option('-l, --long', 'with mode, owner, size and time');
  withCommon(withSource(withLimits(ls))).action(async (source: string, _: unknown, invoked: Command) => {
    const options: LookOptions = invoked.optsWithGlobals();
    const choice = sourceChoice(options);
    await inSession(options, async ({ context, print }) => {
      const [{ listFiles }, { openImage }, { withRepair }] = await Promise.all([
        import('../../verbs/layers/list-files.ts'),
        import('../../verbs/image/open-image.ts'),
        import('../../verbs/image/repair-stored.ts'),
      ]);
      const limits = limitChoice(options);
      // Nothing is said of each layer: the list is what was asked for.
      const show = options.json ? formatEntryJson : options.long ? formatEntry : formatPath;
      await withRepair([source], { storeRoot: storePlace(options), ...context }, async () => {
        await using opened = await openImage(source, { ...choice, ...context, root: options.root, limits });
        for await (const entry of listFiles(opened.image, { signal: context.signal, limits })) print(show(entry));
      });
    });
  });

  const tags = program
    .command('tags')
    .description('List the tags of a repository.')
    .argument('<repository>', 'as in pull, without a tag');
  withCommon(withSource(tags)).action(async (repository: string, _: unknown, invoked: Command) => {
    const options: LookOptions = invoked.optsWithGlobals();
    const choice = sourceChoice(options);
    const reference = parseRemoteReference(repository);
    await inSession(options, async ({ context, print, printJson }) => {
      const { listTags } = await import('../../verbs/image/tags.ts');
      const found = await listTags(reference, { ...choice, ...context });
      if (options.json) printJson(found);
      else for (const tag of found) print(displayName(tag));
    });
  });
}

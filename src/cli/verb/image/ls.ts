import type { Command } from 'commander';
import type { ImageLimits } from '../../../disk/unpack-options.ts';
import { storePlace } from '../../../verbs/places.ts';
import { limitChoice, withLimits } from '../../option/image-limits.ts';
import { type SourceOptions, sourceChoice, withSignaturePolicy, withSource } from '../../option/source.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';
import { formatEntry, formatEntryJson, formatPath } from '../../show/format-entry.ts';

interface ListOptions extends CommonOptions, SourceOptions, ImageLimits {
  readonly long?: boolean;
}

/** Adds `tsimg ls`. */
export function addLs(program: Command): void {
  const ls = program
    .command('ls')
    .description('List the files of an image without unpacking it.')
    .argument('<source>', 'a reference in the store, or any SOURCE')
    .option('-l, --long', 'print mode, owner, size and time too');
  withCommon(withSource(withSignaturePolicy(withLimits(ls)))).action(
    async (source: string, _: unknown, invoked: Command) => {
      const options: ListOptions = invoked.optsWithGlobals();
      const choice = sourceChoice(options);
      await inSession(options, async ({ context, print }) => {
        const [{ listFiles }, { openImage }, { withRepair }] = await Promise.all([
          import('../../../verbs/layers/list-files.ts'),
          import('../../../verbs/image/open-image.ts'),
          import('../../../verbs/image/repair-stored.ts'),
        ]);
        const limits = limitChoice(options);
        // Without onEvent: progress of layers would disturb the list.
        const show = options.json ? formatEntryJson : options.long ? formatEntry : formatPath;
        await withRepair([source], { storeRoot: storePlace(options), ...context }, async () => {
          await using opened = await openImage(source, { ...choice, ...context, root: options.root, limits });
          for await (const entry of listFiles(opened.image, { signal: context.signal, limits })) print(show(entry));
        });
      });
    },
  );
}

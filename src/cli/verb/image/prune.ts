import type { Command } from 'commander';
import { plural } from '../../../plural.ts';
import { storePlace } from '../../../verbs/places.ts';
import { confirm } from '../../confirm.ts';
import { type SourceOptions, sourceChoice, withRegistries } from '../../option/source.ts';
import { printRemoved } from '../../print-removed.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';
import { formatSize } from '../../show/format-size.ts';

interface PruneOptions extends CommonOptions, SourceOptions {
  readonly force?: boolean;
  readonly all?: boolean;
  readonly dropBlobs?: boolean;
}

/** Adds `tsimg prune`. */
export function addPrune(program: Command): void {
  const prune = program
    .command('prune')
    .description('Remove containers that are not running, images without a name, and all that nothing needs.')
    .option('-a, --all', 'remove images with names too')
    .option(
      '--drop-blobs',
      'drop blobs of unpacked layers too; they come back from their registry when they are needed',
    )
    .option('-f, --force', 'do not ask first; needed without a terminal');
  withCommon(withRegistries(prune)).action(async (__: unknown, invoked: Command) => {
    const options: PruneOptions = invoked.optsWithGlobals();
    const { credentials: _, ...choice } = sourceChoice(options);
    await inSession(options, async (session) => {
      const { prune: pruneAll } = await import('../../../verbs/image/prune.ts');
      const images = options.all ? 'all images' : 'images without a name';
      const what = `This removes all containers that are not running, ${images}, and all that nothing needs.`;
      if (!options.force && !(await confirm(what, '--force', session.context.signal))) return;
      const settings = { storeRoot: storePlace(options), all: options.all };
      const report = await pruneAll(settings, session.context);
      if (!options.dropBlobs) return printRemoved(report, options, session);
      const { dropBlobs } = await import('../../../verbs/store/drop-blobs.ts');
      const dropped = await dropBlobs(settings.storeRoot, { ...choice, ...session.context });
      if (options.json) return session.printJson({ ...report, dropped });
      printRemoved(report, options, session);
      const { blobs, bytes, inUse } = dropped;
      if (inUse) session.note('tsimg: the store is in use: no blobs are dropped');
      else if (!options.quiet) session.note(`${plural(blobs, 'blob')} dropped, ${formatSize(bytes)}`);
    });
  });
}

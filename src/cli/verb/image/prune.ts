import type { Command } from 'commander';
import { storePlace } from '../../../verbs/places.ts';
import { confirm } from '../../confirm.ts';
import { printRemoved } from '../../print-removed.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';

interface PruneOptions extends CommonOptions {
  readonly force?: boolean;
  readonly all?: boolean;
}

/** Adds `tsimg prune`. */
export function addPrune(program: Command): void {
  const prune = program
    .command('prune')
    .description('Remove containers that are not running, images without a name, and all that nothing needs.')
    .option('-a, --all', 'remove images with names too')
    .option('-f, --force', 'do not ask first; without a terminal nothing is asked');
  withCommon(prune).action(async (_: unknown, invoked: Command) => {
    const options: PruneOptions = invoked.optsWithGlobals();
    await inSession(options, async (session) => {
      const { prune: pruneAll } = await import('../../../verbs/image/prune.ts');
      const images = options.all ? 'all images' : 'images without a name';
      const what = `This removes all containers that are not running, ${images}, and all that nothing needs.`;
      if (!options.force && !(await confirm(what, session.context.signal, true))) return;
      const settings = { storeRoot: storePlace(options), all: options.all };
      printRemoved(await pruneAll(settings, session.context), options, session);
    });
  });
}

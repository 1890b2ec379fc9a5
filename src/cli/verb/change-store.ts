import type { Command } from 'commander';
import type { RemovedImages } from '../../verbs/image/remove-image.ts';
import { storePlace } from '../../verbs/image/store-place.ts';
import { type CommonOptions, inSession, type Session, withCommon } from '../session.ts';
import { formatSize } from '../show/format-size.ts';

interface RemoveOptions extends CommonOptions {
  readonly force?: boolean;
}

interface PruneOptions extends CommonOptions {
  readonly force?: boolean;
  readonly all?: boolean;
}

function printRemoved(report: RemovedImages, options: CommonOptions, { print, printJson, note }: Session): void {
  if (options.json) {
    printJson(report);
    return;
  }
  for (const name of report.untagged) print(`Untagged: ${name}`);
  for (const digest of report.removed) print(`Deleted: ${digest}`);
  if (options.quiet) return;
  const containers = report.swept?.containers ?? 0;
  if (containers > 0) note(`${containers} ${containers === 1 ? 'container' : 'containers'} removed`);
  if (report.swept !== undefined) note(`${formatSize(report.swept.bytes)} freed`);
  if (report.inUse) note('tsimg: the store is in use; tsimg prune frees the rest later');
}

/** `tsimg tag`, `tsimg rmi` and `tsimg prune`: names of the store, and what they keep alive. */
export function addStoreChanges(program: Command): void {
  const tag = program
    .command('tag')
    .description('Give an image of the store another name.')
    .argument('<image>', 'a name, a digest or an ID')
    .argument('<name>', 'the new name');
  withCommon(tag).action(async (image: string, name: string, _: unknown, invoked: Command) => {
    const options: CommonOptions = invoked.optsWithGlobals();
    await inSession(options, async ({ context }) => {
      const { tagImage } = await import('../../verbs/image/tag.ts');
      await tagImage(image, name, { storeRoot: storePlace(options) }, context);
    });
  });

  const rmi = program
    .command('rmi')
    .description('Remove images from the store; by name, only that name.')
    .argument('<image...>', 'names, digests or IDs')
    .option(
      '-f, --force',
      'all names of an image that is given by its digest or ID; the name of one that a container is made of',
    );
  withCommon(rmi).action(async (images: string[], _: unknown, invoked: Command) => {
    const options: RemoveOptions = invoked.optsWithGlobals();
    await inSession(options, async (session) => {
      const { removeImages } = await import('../../verbs/image/remove-image.ts');
      const settings = { storeRoot: storePlace(options), force: options.force };
      printRemoved(await removeImages(images, settings, session.context), options, session);
    });
  });

  const prune = program
    .command('prune')
    .description('Remove containers that do not run, images without a name, and what nothing needs.')
    .option('-a, --all', 'images with names too')
    .option('-f, --force', 'without asking; nothing is asked where there is no terminal');
  withCommon(prune).action(async (_: unknown, invoked: Command) => {
    const options: PruneOptions = invoked.optsWithGlobals();
    await inSession(options, async (session) => {
      const [{ prune: pruneAll }, { confirm }] = await Promise.all([
        import('../../verbs/image/prune.ts'),
        import('../show/confirm.ts'),
      ]);
      const images = options.all ? 'all images' : 'images without a name';
      const what = `This removes all containers that do not run, ${images}, and what nothing needs.`;
      if (!options.force && !(await confirm(what, session.context.signal))) return;
      const settings = { storeRoot: storePlace(options), all: options.all };
      printRemoved(await pruneAll(settings, session.context), options, session);
    });
  });
}

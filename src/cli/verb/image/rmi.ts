import type { Command } from 'commander';
import { storePlace } from '../../../verbs/places.ts';
import { printRemoved } from '../../print-removed.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';

interface RemoveOptions extends CommonOptions {
  readonly force?: boolean;
}

/** `tsimg rmi` */
export function addRmi(program: Command): void {
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
      const { removeImages } = await import('../../../verbs/image/remove-image.ts');
      const settings = { storeRoot: storePlace(options), force: options.force };
      printRemoved(await removeImages(images, settings, session.context), options, session);
    });
  });
}

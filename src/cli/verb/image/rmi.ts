import type { Command } from 'commander';
import { storePlace } from '../../../verbs/places.ts';
import { printRemoved } from '../../print-removed.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';

interface RemoveOptions extends CommonOptions {
  readonly force?: boolean;
}

/** Adds `tsimg rmi`. */
export function addRmi(program: Command): void {
  const rmi = program
    .command('rmi')
    .description('Remove images, or one of several names of an image, from the store.')
    .argument('<image...>', 'names, digests or IDs')
    .option(
      '-f, --force',
      'remove all names of an image that is given by digest or ID, and the last name of an image that a container uses',
    );
  withCommon(rmi).action(async (images: string[], _: unknown, invoked: Command) => {
    const options: RemoveOptions = invoked.optsWithGlobals();
    await inSession(options, async (session) => {
      const [{ removeImages }, { completeName }] = await Promise.all([
        import('../../../verbs/image/remove-image.ts'),
        import('../../../registry/mirrors/short-name.ts'),
      ]);
      const names = await Promise.all(images.map((image) => completeName(image, session.context)));
      const settings = { storeRoot: storePlace(options), force: options.force };
      printRemoved(await removeImages(names, settings, session.context), options, session);
    });
  });
}

import type { Command } from 'commander';
import { storePlace } from '../../../verbs/places.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';

/** Adds `tsimg tag`. */
export function addTag(program: Command): void {
  const tag = program
    .command('tag')
    .description('Give an image of the store another name.')
    .argument('<image>', 'a name, a digest or an ID')
    .argument('<name>', 'the new name');
  withCommon(tag).action(async (image: string, name: string, _: unknown, invoked: Command) => {
    const options: CommonOptions = invoked.optsWithGlobals();
    await inSession(options, async ({ context }) => {
      const [{ tagImage }, { completeName }] = await Promise.all([
        import('../../../verbs/image/tag.ts'),
        import('../../../registry/mirrors/short-name.ts'),
      ]);
      await tagImage(await completeName(image, context), name, { storeRoot: storePlace(options), ...context });
    });
  });
}

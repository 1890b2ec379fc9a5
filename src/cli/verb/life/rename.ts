import type { Command } from 'commander';
import { statePlace } from '../../../verbs/places.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';

/** Adds `tsimg rename`. */
export function addRename(program: Command): void {
  const rename = program
    .command('rename')
    .description('Give a container another name.')
    .argument('<container>', 'a name or an ID')
    .argument('<name>', 'the new name');
  withCommon(rename).action(async (container: string, name: string, _: unknown, invoked: Command) => {
    const options: CommonOptions = invoked.optsWithGlobals();
    await inSession(options, async ({ context }) => {
      const { renameContainer } = await import('../../../verbs/life/rename-container.ts');
      await renameContainer(container, name, { ...context, stateRoot: statePlace(options) });
    });
  });
}

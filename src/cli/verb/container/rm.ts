import type { Command } from 'commander';
import { forEachContainer } from '../../for-each-container.ts';
import type { CommonOptions } from '../../session.ts';

interface RemoveOptions extends CommonOptions {
  readonly force?: boolean;
}

/** Adds `tsimg rm`. */
export function addRm(program: Command): void {
  const rm = program
    .command('rm')
    .description('Remove containers with all that they changed.')
    .option('-f, --force', 'kill and remove running containers too')
    .option('-v, --volumes', 'remove volumes without a name, too; rm does so in any case');
  forEachContainer<RemoveOptions>(rm, async (container, { force }, context) => {
    const { removeContainerOf } = await import('../../../verbs/life/remove-container.ts');
    await removeContainerOf(container, { force }, context);
  });
}

import type { Command } from 'commander';
import { forEachContainer } from '../../for-each-container.ts';

/** Adds `tsimg unpause`. */
export function addUnpause(program: Command): void {
  const unpause = program.command('unpause').description('Let paused containers go on.');
  forEachContainer(unpause, async (container, _, context) => {
    const { unpauseContainer } = await import('../../../verbs/life/pause-container.ts');
    await unpauseContainer(container, context);
  });
}

import type { Command } from 'commander';
import { forEachContainer } from '../../for-each-container.ts';

/** Adds `tsimg pause`. */
export function addPause(program: Command): void {
  const pause = program
    .command('pause')
    .description('Stop all processes of running containers until tsimg unpause; they do not notice.');
  forEachContainer(pause, async (container, _, context) => {
    const { pauseContainer } = await import('../../../verbs/life/pause-container.ts');
    await pauseContainer(container, context);
  });
}

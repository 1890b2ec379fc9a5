import type { Command } from 'commander';
import { forEachContainer } from '../../for-each-container.ts';

/** Adds `tsimg start`. */
export function addStart(program: Command): void {
  const start = program
    .command('start')
    .description('Start ended containers again, in the background, with all that they changed.');
  forEachContainer(start, async (container, _, context) => {
    const { startEnded } = await import('../../../verbs/run/restart-container.ts');
    await startEnded(container, context);
  });
}

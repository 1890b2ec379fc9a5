import type { Command } from 'commander';
import { forEachContainer } from '../../for-each-container.ts';

/** Adds `tsimg wait`. */
export function addWait(program: Command): void {
  const wait = program.command('wait').description('Wait until containers have ended, and print their exit statuses.');
  forEachContainer(wait, async (container, _, context) => {
    const { waitForContainer } = await import('../../../verbs/run/signal-container.ts');
    return waitForContainer(container, context);
  });
}

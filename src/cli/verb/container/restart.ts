import type { Command } from 'commander';
import { forEachContainer } from '../../for-each-container.ts';
import { withStopTime } from '../../option/life.ts';
import type { CommonOptions } from '../../session.ts';

interface RestartOptions extends CommonOptions {
  readonly time?: number;
}

/** Adds `tsimg restart`. */
export function addRestart(program: Command): void {
  const restart = program.command('restart').description('Stop containers and start them again.');
  forEachContainer<RestartOptions>(withStopTime(restart), async (container, { time }, context) => {
    const { restartContainer } = await import('../../../verbs/run/restart-container.ts');
    await restartContainer(container, { timeout: time }, context);
  });
}

import type { Command } from 'commander';
import { forEachContainer } from '../../for-each-container.ts';
import { withStopTime } from '../../option/life.ts';
import type { CommonOptions } from '../../session.ts';

interface StopOptions extends CommonOptions {
  readonly time?: number;
  readonly signal?: string;
}

/** Adds `tsimg stop`. */
export function addStop(program: Command): void {
  const stop = program
    .command('stop')
    .description('Stop containers: send the stop signal, then SIGKILL after the timeout.');
  withStopTime(stop).option('-s, --signal <signal>', 'the signal to send first (default: the container’s stop signal)');
  forEachContainer<StopOptions>(stop, async (container, { time, signal }, context) => {
    const { stopContainer } = await import('../../../verbs/life/signal-container.ts');
    await stopContainer(container, { timeout: time, signal }, context);
  });
}

import type { Command } from 'commander';
import { forEachContainer } from '../../for-each-container.ts';
import type { CommonOptions } from '../../session.ts';

interface KillOptions extends CommonOptions {
  readonly signal?: string;
}

/** Adds `tsimg kill`. */
export function addKill(program: Command): void {
  const kill = program
    .command('kill')
    .description('Send a signal to the command of containers.')
    .option('-s, --signal <signal>', 'the signal, by name or number (default: KILL)');
  forEachContainer<KillOptions>(kill, async (container, { signal }, context) => {
    const { killContainer } = await import('../../../verbs/life/signal-container.ts');
    await killContainer(container, signal, context);
  });
}

import type { Command } from 'commander';
import { processSignals } from '../../host/stdio/signal-source.ts';
import { createProgress } from '../show/progress.ts';

/** Adds `tsimg unshare`. Options end at the first operand. */
export function addUnshare(program: Command, setStatus: (status: number) => void): void {
  program
    .command('unshare')
    .description('Run a command as root of the user namespace of your containers.')
    .argument('<command...>', 'a command of this host, and its arguments')
    .passThroughOptions()
    .action(async (command: string[]) => {
      const { unshareCommand } = await import('../../verbs/run/unshare.ts');
      const { onEvent } = createProgress('none', process.stderr);
      setStatus(await unshareCommand(command, { onEvent, signals: processSignals }));
    });
}

import type { Command } from 'commander';
import { statePlace } from '../../../verbs/places.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';
import { escapeText } from '../../show/escape.ts';
import { formatTable } from '../../show/format-table.ts';

/** Adds `tsimg top`. Options end at the container: those that follow are of ps. */
export function addTop(program: Command): void {
  const top = program
    .command('top')
    .description('List the processes of a running container, with the numbers that they have on the host.')
    .argument('<container>', 'a name or an ID')
    .argument('[ps-option...]', 'options of the host’s ps, such as -o pid,rss,args (default: the table of ps -ef)')
    .passThroughOptions();
  withCommon(top).action(async (container: string, words: string[], _: unknown, invoked: Command) => {
    const options: CommonOptions = invoked.optsWithGlobals();
    await inSession(options, async ({ context, printLines, printJson }) => {
      const { containerTop } = await import('../../../verbs/look/container-top.ts');
      const table = await containerTop(container, words, { ...context, stateRoot: statePlace(options) });
      if (options.json) return printJson(table);
      printLines(
        formatTable(
          table.titles,
          table.processes.map((row) => row.map(escapeText)),
        ),
      );
    });
  });
}

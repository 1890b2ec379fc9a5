import type { Command } from 'commander';
import type { HistoryLine } from '../../../verbs/image/history.ts';
import { type SourceOptions, sourceChoice, withSource } from '../../option/source.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';
import { escapeText } from '../../show/escape.ts';
import { formatSize } from '../../show/format-size.ts';
import { formatAge, formatTable } from '../../show/format-table.ts';

interface HistoryOptions extends CommonOptions, SourceOptions {
  readonly trunc: boolean;
}

const CREATED_BY_WIDTH = 45;

function row({ id, created, createdBy, size, comment }: HistoryLine, full: boolean): readonly string[] {
  const words = createdBy.replaceAll('\t', ' ');
  const short = words.length > CREATED_BY_WIDTH ? `${words.slice(0, CREATED_BY_WIDTH - 1)}…` : words;
  const shownId = id === undefined ? '<missing>' : full ? id : id.slice(7, 19);
  return [shownId, formatAge(created, new Date()), full ? words : short, formatSize(size), comment].map(escapeText);
}

/** Adds `tsimg history`. */
export function addHistory(program: Command): void {
  const command = program
    .command('history')
    .description('List the steps by which an image was made, the newest first.')
    .argument('<image>', 'a reference in the store, or any SOURCE')
    .option('--no-trunc', 'print IDs and commands in full');
  withCommon(withSource(command)).action(async (image: string, _: unknown, invoked: Command) => {
    const options: HistoryOptions = invoked.optsWithGlobals();
    const choice = sourceChoice(options);
    await inSession(options, async ({ context, print, printLines, printJson }) => {
      const [{ imageHistory }, { sourcePlaces }] = await Promise.all([
        import('../../../verbs/image/history.ts'),
        import('../../../verbs/image/open-image.ts'),
      ]);
      const places = sourcePlaces({ ...choice, ...context, root: options.root });
      const lines = await imageHistory(image, { ...places, platform: choice.platform }, context);
      if (options.json) printJson(lines);
      else if (options.quiet) {
        for (const { id } of lines) print(id === undefined ? '<missing>' : options.trunc ? id.slice(7, 19) : id);
      } else {
        const heading = ['IMAGE', 'CREATED', 'CREATED BY', 'SIZE', 'COMMENT'];
        printLines(
          formatTable(
            heading,
            lines.map((line) => row(line, !options.trunc)),
          ),
        );
      }
    });
  });
}

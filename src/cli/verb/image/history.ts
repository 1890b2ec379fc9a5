import type { Command } from 'commander';
import type { HistoryLine } from '../../../verbs/image/history.ts';
import { type SourceOptions, sourceChoice, withSource } from '../../option/source.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';
import { formatSize } from '../../show/format-size.ts';
import { formatAge } from '../../show/format-table.ts';
import { formatRows, type Row } from '../../template/format-rows.ts';

interface HistoryOptions extends CommonOptions, SourceOptions {
  readonly trunc: boolean;
  readonly format?: string;
}

const CREATED_BY_WIDTH = 45;

/** Returns the ID of a step, or docker's word for one that is not known. */
function idOf({ id }: HistoryLine, full: boolean): string {
  if (id === undefined) return '<missing>';
  return full ? id : id.slice(7, 19);
}

/** Returns a step's fields under docker's names, for `--format`. */
function shown(line: HistoryLine, full: boolean): Row {
  const words = line.createdBy.replaceAll('\t', ' ');
  const isLong = words.length > CREATED_BY_WIDTH && !full;
  return {
    ID: idOf(line, full),
    CreatedSince: formatAge(line.created, new Date()),
    CreatedAt: line.created ?? '',
    CreatedBy: isLong ? `${words.slice(0, CREATED_BY_WIDTH - 1)}…` : words,
    Size: formatSize(line.size),
    Comment: line.comment,
  };
}

const HEADINGS: Readonly<Record<string, string>> = {
  ID: 'IMAGE',
  CreatedSince: 'CREATED',
  CreatedAt: 'CREATED AT',
  CreatedBy: 'CREATED BY',
};
const COLUMNS = '{{.ID}}\\t{{.CreatedSince}}\\t{{.CreatedBy}}\\t{{.Size}}\\t{{.Comment}}';
const TABLE = { columns: COLUMNS, headings: HEADINGS };

/** Adds `tsimg history`. */
export function addHistory(program: Command): void {
  const command = program
    .command('history')
    .description('List the steps by which an image was made, the newest first.')
    .argument('<image>', 'a reference in the store, or any SOURCE')
    .option(
      '--format <how>',
      "print json, a template for each line such as '{{.CreatedBy}} {{.Size}}', or 'table TEMPLATE'",
    )
    .option('--no-trunc', 'print IDs and commands in full');
  withCommon(withSource(command)).action(async (image: string, _: unknown, invoked: Command) => {
    const options: HistoryOptions = invoked.optsWithGlobals();
    const choice = sourceChoice(options);
    await inSession(options, async ({ context, print, printAsIs, printJson }) => {
      const [{ imageHistory }, { sourcePlaces }] = await Promise.all([
        import('../../../verbs/image/history.ts'),
        import('../../../verbs/image/open-image.ts'),
      ]);
      const places = sourcePlaces({ ...choice, ...context, root: options.root });
      const lines = await imageHistory(image, { ...places, platform: choice.platform }, context);
      if (options.json) printJson(lines);
      else if (options.quiet) for (const line of lines) print(idOf(line, !options.trunc));
      else {
        const rows = lines.map((line) => shown(line, !options.trunc));
        for (const line of formatRows(options.format, rows, TABLE)) printAsIs(line);
      }
    });
  });
}

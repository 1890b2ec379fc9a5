import type { Command } from 'commander';
import type { ContainerStats } from '../../../verbs/look/container-stats.ts';
import { statePlace } from '../../../verbs/places.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';
import { formatJson } from '../../show/escape.ts';
import { formatSize } from '../../show/format-size.ts';
import { formatRows } from '../../template/format-rows.ts';

interface StatsOptions extends CommonOptions {
  readonly stream: boolean;
  readonly trunc: boolean;
  readonly format?: string;
}

/** Stands for a value that this host does not report. */
const UNKNOWN = '–';
const HEADINGS: Readonly<Record<string, string>> = {
  ID: 'CONTAINER ID',
  CPUPerc: 'CPU %',
  MemUsage: 'MEM USAGE / LIMIT',
  MemPerc: 'MEM %',
  NetIO: 'NET I/O',
  BlockIO: 'BLOCK I/O',
};
const COLUMNS =
  '{{.ID}}\\t{{.Name}}\\t{{.CPUPerc}}\\t{{.MemUsage}}\\t{{.MemPerc}}\\t{{.NetIO}}\\t{{.BlockIO}}\\t{{.PIDs}}';
/** Moves a terminal to its upper left corner, and clears it. */
const CLEAR = '\u001b[H\u001b[2J';

const size = (bytes: number | undefined) => (bytes === undefined ? UNKNOWN : formatSize(bytes));
const percent = (value: number | undefined) => (value === undefined ? UNKNOWN : `${value.toFixed(2)}%`);

/** Returns a container's fields under docker's names, for `--format`. */
function shown(stats: ContainerStats, full: boolean): Readonly<Record<string, string>> {
  const { id, name, processorPercent, memory, memoryLimit, network, disk, tasks } = stats;
  const share = memory === undefined || !memoryLimit ? undefined : (memory / memoryLimit) * 100;
  return {
    ID: full ? id : id.slice(0, 12),
    Name: name,
    CPUPerc: percent(processorPercent),
    MemUsage: `${size(memory)} / ${size(memoryLimit)}`,
    MemPerc: percent(share),
    NetIO: `${size(network?.read)} / ${size(network?.written)}`,
    BlockIO: `${size(disk?.read)} / ${size(disk?.written)}`,
    PIDs: tasks === undefined ? UNKNOWN : String(tasks),
  };
}

/** Adds `tsimg stats`. */
export function addStats(program: Command): void {
  const stats = program
    .command('stats')
    .description('Print the resources that containers use, every second.')
    .argument('[container...]', 'names or IDs (default: all running containers)')
    .option('--no-stream', 'print the resources once')
    .option('--no-trunc', 'print IDs in full')
    .option(
      '--format <how>',
      "print json, a template for each line such as '{{.Name}} {{.CPUPerc}}', or 'table TEMPLATE'",
    );
  withCommon(stats).action(async (containers: string[], _: unknown, invoked: Command) => {
    const options: StatsOptions = invoked.optsWithGlobals();
    await inSession(options, async ({ context, printAsIs }) => {
      const { containerStats } = await import('../../../verbs/look/container-stats.ts');
      const clear = options.stream && process.stdout.isTTY && !options.json ? CLEAR : '';
      const places = { ...context, stateRoot: statePlace(options) };
      for await (const now of containerStats(containers, places)) {
        const rows = () =>
          formatRows(
            options.format,
            now.map((each) => shown(each, !options.trunc)),
            { columns: COLUMNS, headings: HEADINGS },
          );
        const lines = options.json ? [formatJson(now)] : rows();
        if (lines.length > 0) printAsIs(`${clear}${lines.join('\n')}`);
        if (!options.stream) return;
      }
    });
  });
}

import type { Command } from 'commander';
import type { ListedContainer } from '../../verbs/look/listed-container.ts';
import { statePlace } from '../../verbs/run/state-place.ts';
import { collect } from '../option/collect.ts';
import { wholeNumber } from '../option/life.ts';
import { type CommonOptions, inSession, withCommon } from '../session.ts';
import { formatRows } from '../show/format-rows.ts';
import { formatAge } from '../show/format-table.ts';

interface PsOptions extends CommonOptions {
  readonly all?: boolean;
  readonly trunc: boolean;
  readonly filter: readonly string[];
  readonly last?: number;
  readonly latest?: boolean;
  readonly format?: string;
}

interface LogsOptions extends CommonOptions {
  readonly follow?: boolean;
  readonly tail?: number;
  readonly since?: string;
  readonly timestamps?: boolean;
}

function statusOf({ status, exitCode, startedAt, finishedAt }: ListedContainer): string {
  const now = new Date();
  switch (status) {
    case 'created':
      return 'Created';
    case 'running':
      return `Up ${formatAge(startedAt, now).replace(/ ago$/, '')}`;
    case 'restarting':
      return `Restarting (${exitCode ?? ''}) ${formatAge(finishedAt, now)}`;
    case 'exited':
      return `Exited (${exitCode ?? ''}) ${formatAge(finishedAt, now)}`.trimEnd();
  }
}

/** Settles when a stream takes more, or never will: who reads ours may have left, and then nothing is ever drained. */
async function written(to: NodeJS.WriteStream, bytes: Uint8Array): Promise<void> {
  if (to.errored !== null || to.write(bytes)) return;
  await new Promise<void>((resolve) => {
    const events = ['drain', 'error', 'close'];
    const settle = () => {
      for (const event of events) to.off(event, settle);
      resolve();
    };
    for (const event of events) to.on(event, settle);
  });
}

/** A container under the names that `--format` knows: docker's. */
function shown(container: ListedContainer, full: boolean): Readonly<Record<string, string>> {
  const command = container.command.join(' ');
  return {
    ID: full ? container.id : container.id.slice(0, 12),
    Image: container.image,
    Command: JSON.stringify(full || command.length <= 20 ? command : `${command.slice(0, 19)}…`),
    CreatedAt: container.created,
    RunningFor: formatAge(container.created, new Date()),
    Status: statusOf(container),
    State: container.status,
    Ports: container.ports.join(', '),
    Names: container.name,
    Labels: Object.entries(container.labels)
      .map(([name, value]) => `${name}=${value}`)
      .join(','),
  };
}

const HEADINGS: Readonly<Record<string, string>> = {
  ID: 'CONTAINER ID',
  RunningFor: 'CREATED',
  CreatedAt: 'CREATED AT',
};
const COLUMNS = 'table {{.ID}}\\t{{.Image}}\\t{{.Command}}\\t{{.RunningFor}}\\t{{.Status}}\\t{{.Ports}}\\t{{.Names}}';

/** docker's `--tail`: `all` is what there is without it. */
function lineCount(text: string): number {
  return text === 'all' ? Number.POSITIVE_INFINITY : wholeNumber(text);
}

/** `tsimg ps` and `tsimg logs`: what containers there are, and what they said. */
export function addContainers(program: Command): void {
  const ps = program
    .command('ps')
    .description('List the containers that run.')
    .option('-a, --all', 'those too that have ended')
    .option('-n, --last <count>', 'only so many that were made last, those too that have ended', wholeNumber)
    .option('-l, --latest', 'only the one that was made last')
    .option('--format <how>', "json, a template of a line such as '{{.ID}} {{.Names}}', or 'table TEMPLATE'")
    .option('--no-trunc', 'IDs and commands in full')
    .option(
      '--filter <key=value>',
      'only those with this id, name, label, status, exited (status) or ancestor (image)',
      collect,
      [],
    );
  withCommon(ps).action(async (_: unknown, invoked: Command) => {
    const options: PsOptions = invoked.optsWithGlobals();
    await inSession(options, async ({ context, print, printJson, printAsIs }) => {
      const { listOfContainers } = await import('../../verbs/look/list-containers.ts');
      const { filter: filters, latest, last = latest ? 1 : undefined, format = COLUMNS } = options;
      const all = options.all || last !== undefined;
      const found = await listOfContainers({ stateRoot: statePlace(options), all, filters }, context);
      const containers = found.slice(0, last);
      if (options.json) printJson(containers);
      else if (options.quiet) for (const { id } of containers) print(options.trunc ? id.slice(0, 12) : id);
      else {
        const rows = containers.map((container) => shown(container, !options.trunc));
        for (const line of formatRows(format, rows, HEADINGS)) printAsIs(line);
      }
    });
  });

  const logs = program
    .command('logs')
    .description('Show what a detached container wrote, on stdout and stderr as it did.')
    .argument('<container>', 'a name or an ID')
    .option('-f, --follow', 'go on as long as the container lives')
    .option('-n, --tail <lines>', 'only so many of the last lines, or all', lineCount)
    .option('--since <time>', 'only since then: RFC 3339, seconds since 1970, or how long ago (90s, 1h30m)')
    .option('-t, --timestamps', 'with the time of each line');
  withCommon(logs).action(async (container: string, _: unknown, invoked: Command) => {
    const options: LogsOptions = invoked.optsWithGlobals();
    await inSession(options, async ({ context }) => {
      const { containerLog, parseSince } = await import('../../verbs/look/container-logs.ts');
      const since = options.since === undefined ? undefined : parseSince(options.since, new Date());
      const tail = options.tail === Number.POSITIVE_INFINITY ? undefined : options.tail;
      const choice = { follow: options.follow, tail, since };
      const inLine = { stdout: false, stderr: false };
      for await (const entry of containerLog(statePlace(options), container, choice, context.signal)) {
        const stamp = options.timestamps && !inLine[entry.stream] ? Buffer.from(`${entry.time} `) : Buffer.alloc(0);
        inLine[entry.stream] = !entry.ends;
        await written(process[entry.stream], Buffer.concat([stamp, entry.text]));
      }
    });
  });
}

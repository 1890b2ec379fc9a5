import type { Command } from 'commander';
import type { ListedContainer } from '../../../verbs/look/listed-container.ts';
import { statePlace } from '../../../verbs/places.ts';
import { collect, wholeNumber } from '../../option/parsers.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';
import { formatLabels } from '../../show/format-labels.ts';
import { formatAge } from '../../show/format-table.ts';
import { formatRows, labelMethod, type Row } from '../../template/format-rows.ts';

interface PsOptions extends CommonOptions {
  readonly all?: boolean;
  readonly trunc: boolean;
  readonly filter: readonly string[];
  readonly last?: number;
  readonly latest?: boolean;
  readonly format?: string;
}

/** docker's words for a health. */
const HEALTH = { starting: ' (health: starting)', healthy: ' (healthy)', unhealthy: ' (unhealthy)', none: '' } as const;

function statusOf({ status, health, exitCode, startedAt, finishedAt }: ListedContainer): string {
  const now = new Date();
  switch (status) {
    case 'created':
      return 'Created';
    case 'running':
    case 'paused': {
      const how = status === 'paused' ? ' (Paused)' : HEALTH[health ?? 'none'];
      return `Up ${formatAge(startedAt, now).replace(/ ago$/, '')}${how}`;
    }
    case 'restarting':
      return `Restarting (${exitCode ?? ''}) ${formatAge(finishedAt, now)}`;
    case 'exited':
      return `Exited (${exitCode ?? ''}) ${formatAge(finishedAt, now)}`.trimEnd();
  }
}

/** Returns a container's fields under docker's names, for `--format`. */
function shown(container: ListedContainer, full: boolean): Row {
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
    Labels: formatLabels(container.labels),
    Label: labelMethod(container.labels),
  };
}

const HEADINGS: Readonly<Record<string, string>> = {
  ID: 'CONTAINER ID',
  RunningFor: 'CREATED',
  CreatedAt: 'CREATED AT',
};
const COLUMNS = 'table {{.ID}}\\t{{.Image}}\\t{{.Command}}\\t{{.RunningFor}}\\t{{.Status}}\\t{{.Ports}}\\t{{.Names}}';

/** Adds `tsimg ps`. */
export function addPs(program: Command): void {
  const ps = program
    .command('ps')
    .description('List running containers.')
    .option('-a, --all', 'list ended containers too')
    .option('-n, --last <count>', 'list only this many of the newest containers, ended ones too', wholeNumber)
    .option('-l, --latest', 'list only the newest container')
    .option('--format <how>', "print json, a template for each line such as '{{.ID}} {{.Names}}', or 'table TEMPLATE'")
    .option('--no-trunc', 'print IDs and commands in full')
    .option(
      '-f, --filter <key=value>',
      'list only containers with this id, name, label, status, health, exited (exit status) or ancestor (image)',
      collect,
      [],
    );
  withCommon(ps).action(async (_: unknown, invoked: Command) => {
    const options: PsOptions = invoked.optsWithGlobals();
    await inSession(options, async ({ context, print, printJson, printAsIs }) => {
      const { listOfContainers } = await import('../../../verbs/look/list-containers.ts');
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
}

import type { Command } from 'commander';
import type { ListedContainer } from '../../../verbs/look/listed-container.ts';
import { statePlace } from '../../../verbs/places.ts';
import { collect, wholeNumber } from '../../option/parsers.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';
import { formatLabels } from '../../show/format-labels.ts';
import { formatSize } from '../../show/format-size.ts';
import { formatAge } from '../../show/format-table.ts';
import { formatRows, labelMethod, namesField, type Row } from '../../template/format-rows.ts';

interface PsOptions extends CommonOptions {
  readonly all?: boolean;
  readonly trunc: boolean;
  readonly filter: readonly string[];
  readonly last?: number;
  readonly latest?: boolean;
  readonly size?: boolean;
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

/** Shortens a text as docker does, with an ellipsis as its last character. */
const short = (text: string, width: number) => (text.length <= width ? text : `${text.slice(0, width - 1)}…`);

/** docker's form of a size: `2B (virtual 5.5MB)`. */
function formatSizes({ size }: ListedContainer): string {
  return size === undefined ? '' : `${formatSize(size.own)} (virtual ${formatSize(size.total)})`;
}

/** Returns a container's fields under docker's names, for `--format`. */
function shown(container: ListedContainer, { full, sized }: { full: boolean; sized: boolean }): Row {
  const command = container.command.join(' ');
  const mounts = container.mounts.map(({ name, source }) => name ?? source);
  return {
    ID: full ? container.id : container.id.slice(0, 12),
    Image: container.image,
    Command: JSON.stringify(full ? command : short(command, 20)),
    CreatedAt: container.created,
    RunningFor: formatAge(container.created, new Date()),
    Status: statusOf(container),
    State: container.status,
    Ports: container.ports.join(', '),
    Names: container.name,
    Networks: container.networks.map(({ name }) => name).join(','),
    Mounts: mounts.map((mount) => (full ? mount : short(mount, 15))).join(','),
    LocalVolumes: String(container.mounts.filter(({ kind }) => kind === 'volume').length),
    ...(sized && { Size: formatSizes(container) }),
    Labels: formatLabels(container.labels),
    Label: labelMethod(container.labels),
  };
}

const HEADINGS: Readonly<Record<string, string>> = {
  ID: 'CONTAINER ID',
  RunningFor: 'CREATED',
  CreatedAt: 'CREATED AT',
  LocalVolumes: 'LOCAL VOLUMES',
};
const COLUMNS = '{{.ID}}\\t{{.Image}}\\t{{.Command}}\\t{{.RunningFor}}\\t{{.Status}}\\t{{.Ports}}\\t{{.Names}}';

/** Adds `tsimg ps`. */
export function addPs(program: Command): void {
  const ps = program
    .command('ps')
    .description('List running containers.')
    .option('-a, --all', 'list ended containers too')
    .option('-n, --last <count>', 'list only this many of the newest containers, ended ones too', wholeNumber)
    .option('-l, --latest', 'list only the newest container')
    .option('-s, --size', 'print the size of the files that each container made or changed, and with its image')
    .option('--format <how>', "print json, a template for each line such as '{{.ID}} {{.Names}}', or 'table TEMPLATE'")
    .option('--no-trunc', 'print IDs and commands in full')
    .option(
      '-f, --filter <key=value>',
      'list only containers with this id, name, label, status, health, exited (exit status), ancestor (image), ' +
        'network or volume',
      collect,
      [],
    );
  withCommon(ps).action(async (_: unknown, invoked: Command) => {
    const options: PsOptions = invoked.optsWithGlobals();
    await inSession(options, async ({ context, print, printJson, printAsIs }) => {
      const { listOfContainers } = await import('../../../verbs/look/list-containers.ts');
      const { filter: filters, latest, last = latest ? 1 : undefined, quiet, trunc, format } = options;
      const columns = options.size ? `${COLUMNS}\\t{{.Size}}` : COLUMNS;
      // To measure takes long: only where it is shown.
      const size = options.json ? options.size : !quiet && (options.size || namesField(format, 'Size'));
      const all = options.all || last !== undefined;
      const settings = { stateRoot: statePlace(options), all, filters, last, size };
      const containers = await listOfContainers(settings, context);
      if (options.json) printJson(containers);
      else if (quiet) for (const { id } of containers) print(trunc ? id.slice(0, 12) : id);
      else {
        const rows = containers.map((container) => shown(container, { full: !trunc, sized: size === true }));
        for (const line of formatRows(format, rows, { columns, headings: HEADINGS })) printAsIs(line);
      }
    });
  });
}

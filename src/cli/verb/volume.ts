import { Argument, type Command } from 'commander';
import { throwAll } from '../../errors.ts';
import { parseLabels } from '../../launch/options/labels.ts';
import { type ContainersContext, statePlace } from '../../verbs/places.ts';
import type { Volume } from '../../verbs/volumes/manage-volumes.ts';
import { confirm } from '../confirm.ts';
import { doEach } from '../do-each.ts';
import { collect } from '../option/parsers.ts';
import { type CommonOptions, inSession, type Session, withCommon } from '../session.ts';
import { formatLabels } from '../show/format-labels.ts';
import { formatRows, labelMethod, type Row } from '../template/format-rows.ts';
import { inspectedPrinter } from '../template/inspected.ts';
import { type ActionRules, readAction, SHORT_FORCE } from '../verb-actions.ts';

interface VolumeOptions extends CommonOptions {
  readonly label: readonly string[];
  readonly driver?: string;
  readonly filter: readonly string[];
  readonly format?: string;
  readonly all?: boolean;
  readonly force?: boolean;
}

const ACTIONS = ['create', 'ls', 'inspect', 'rm', 'prune'] as const;
type Action = (typeof ACTIONS)[number];
const TABLE = { columns: '{{.Driver}}\\t{{.Name}}', headings: { Name: 'VOLUME NAME' } };

const RULES: ActionRules<Action, VolumeOptions> = {
  verb: 'volume',
  names: { create: 'one or none', ls: 'none', inspect: 'some', rm: 'some', prune: 'none' },
  options: [
    ['label', ['create']],
    ['driver', ['create']],
    ['filter', ['ls', 'prune']],
    ['format', ['ls', 'inspect']],
    ['all', ['prune']],
    ['force', ['rm', 'prune']],
  ],
  driver: 'local',
};

/** Returns a volume under docker's keys. */
function inspected({ name, mountpoint, created, labels }: Volume) {
  const fixed = { Driver: 'local', Options: {}, Scope: 'local' };
  return { ...fixed, Name: name, Mountpoint: mountpoint, CreatedAt: created, Labels: labels };
}

/** Returns a volume's fields under docker's names, for `--format`. */
function shown({ name, mountpoint, labels, containers }: Volume): Row {
  return {
    Driver: 'local',
    Name: name,
    Scope: 'local',
    Mountpoint: mountpoint,
    Links: String(containers.length),
    Labels: formatLabels(labels),
    Label: labelMethod(labels),
  };
}

async function perform(action: Action, names: readonly string[], options: VolumeOptions, session: Session) {
  const { context, print, printJson, printAsIs } = session;
  const places: ContainersContext = { ...context, stateRoot: statePlace(options) };
  const volumes = await import('../../verbs/volumes/manage-volumes.ts');
  const { all, force, format } = options;
  const filters = volumes.parseVolumeFilters(options.filter);
  switch (action) {
    case 'create': {
      const volume = await volumes.createVolume(names[0], { labels: parseLabels(options.label) }, places);
      return options.json ? printJson(volume) : print(volume.name);
    }
    case 'ls': {
      const found = await volumes.listVolumes(filters, places);
      if (options.json) return printJson(found);
      if (options.quiet) for (const { name } of found) print(name);
      else for (const line of formatRows(format, found.map(shown), TABLE)) printAsIs(line);
      return;
    }
    case 'inspect': {
      const show = inspectedPrinter(format);
      const found: ReturnType<typeof inspected>[] = [];
      const failures = await doEach(names, context.signal, async (name) => {
        found.push(inspected(await volumes.inspectVolume(name, places)));
      });
      show(found, session);
      return throwAll(failures);
    }
    case 'rm': {
      const remove = async (name: string) => {
        await volumes.removeVolume(name, { force }, places);
        print(name);
      };
      return throwAll(await doEach(names, context.signal, remove));
    }
    default: {
      const which = all
        ? 'all volumes that no container has'
        : 'all volumes that no container has and whose names tsimg made up';
      if (!force && !(await confirm(`This removes ${which}.`, '--force', context.signal))) return;
      const removed = await volumes.pruneVolumes({ all, filters }, places);
      if (options.json) return printJson(removed);
      for (const name of removed) print(name);
    }
  }
}

/** Adds `tsimg volume`. */
export function addVolume(program: Command): void {
  const volume = program
    .command('volume')
    .description('Make, list, inspect and remove volumes: directories with a name that outlive containers.')
    .addArgument(new Argument('<action>', 'what to do').choices(ACTIONS))
    .argument('[name...]', 'names of volumes; create makes one up')
    .option('-l, --label <name[=value]>', 'of create: add a label', collect, [])
    .option('-d, --driver <driver>', 'of create: local is the only one')
    .option(
      '--filter <key=value>',
      'of ls and prune: only volumes with this name, label, dangling or driver',
      collect,
      [],
    )
    .option(
      '--format <how>',
      "of ls and inspect: print json, a template for each such as '{{.Name}}', or 'table TEMPLATE'",
    )
    .option('-a, --all', 'of prune: remove volumes that you named, too')
    .option(
      SHORT_FORCE,
      'of rm: a volume that does not exist is no error; of prune: do not ask first (needed without a terminal); ' +
        '-f of ls is --filter, and of inspect --format',
    );
  withCommon(volume).action(async (action: Action, names: string[], _: unknown, invoked: Command) => {
    const asked = readAction<Action, VolumeOptions>(action, names, invoked.optsWithGlobals(), RULES);
    await inSession(asked.options, (session) => perform(action, asked.names, asked.options, session));
  });
}

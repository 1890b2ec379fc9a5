import { Argument, type Command, InvalidArgumentError } from 'commander';
import { TsimgError, throwAll } from '../../errors.ts';
import type { NamedNetwork } from '../../launch/network/named-network.ts';
import { formatNetwork } from '../../linux/ipv4.ts';
import { type ContainersContext, statePlace } from '../../verbs/places.ts';
import { confirm } from '../confirm.ts';
import { doEach } from '../do-each.ts';
import { collect } from '../option/parsers.ts';
import { type CommonOptions, inSession, type Session, withCommon } from '../session.ts';
import { formatLabels } from '../show/format-labels.ts';
import { formatRows, labelMethod, type Row } from '../template/format-rows.ts';
import { inspectedPrinter } from '../template/inspected.ts';
import { type ActionRules, readAction, SHORT_FORCE } from '../verb-actions.ts';

const ACTIONS = ['create', 'ls', 'inspect', 'rm', 'prune'] as const;
type Action = (typeof ACTIONS)[number];

interface NetworkOptions extends CommonOptions {
  readonly subnet?: string;
  readonly internal?: boolean;
  readonly label: readonly string[];
  readonly driver?: string;
  readonly ignore?: boolean;
  readonly filter: readonly string[];
  readonly format?: string;
  readonly force?: boolean;
}

/** A call of the verb. */
interface Call {
  readonly names: readonly string[];
  readonly options: NetworkOptions;
  readonly session: Session;
  readonly context: ContainersContext;
}

const TABLE = {
  columns: '{{.ID}}\\t{{.Name}}\\t{{.Driver}}\\t{{.Subnet}}\\t{{.Internal}}',
  headings: { ID: 'NETWORK ID' },
};

/** Returns a network's fields under docker's names, for `--format`. */
function shown({ id, name, created, subnet, internal, labels }: NamedNetwork): Row {
  return {
    ID: id.slice(0, 12),
    Name: name,
    Driver: 'bridge',
    Scope: 'local',
    Subnet: formatNetwork(subnet),
    Internal: String(internal),
    CreatedAt: created,
    Labels: formatLabels(labels),
    Label: labelMethod(labels),
  };
}

/** Returns a network as `--json` prints it. */
function asData({ subnet, ...network }: NamedNetwork) {
  return { ...network, subnet: formatNetwork(subnet) };
}

async function create({ names, options, session, context }: Call): Promise<void> {
  const { createNetwork } = await import('../../verbs/network/create-network.ts');
  const { subnet, internal, label: labels, ignore } = options;
  const [name = ''] = names;
  const network = await createNetwork(name, { subnet, internal, labels, ignore }, context);
  if (options.json) session.printJson(asData(network));
  else session.print(network.id);
}

async function list({ options, session, context }: Call): Promise<void> {
  const [{ listOfNetworks }, { networkFilter }] = await Promise.all([
    import('../../verbs/network/list-networks.ts'),
    import('../../verbs/network/network-filter.ts'),
  ]);
  const networks = listOfNetworks(context).filter(networkFilter(options.filter));
  if (options.json) session.printJson(networks.map(asData));
  else if (options.quiet) for (const { id } of networks) session.print(id.slice(0, 12));
  else {
    for (const line of formatRows(options.format, networks.map(shown), TABLE)) session.printAsIs(line);
  }
}

async function inspect({ names, options, session, context }: Call): Promise<void> {
  const { inspectNetwork } = await import('../../verbs/network/inspect-network.ts');
  const show = inspectedPrinter(options.format);
  const found: object[] = [];
  const failures = await doEach(names, session.context.signal, async (name) => {
    found.push(await inspectNetwork(name, context));
  });
  show(found, session);
  throwAll(failures);
}

async function remove({ names, options, session, context }: Call): Promise<void> {
  const { removeNetwork } = await import('../../verbs/network/remove-network.ts');
  const failures = await doEach(names, session.context.signal, async (name) => {
    await removeNetwork(name, { force: options.force }, context);
    session.print(name);
  });
  throwAll(failures);
}

async function prune({ options, session, context }: Call): Promise<void> {
  const [{ pruneNetworks }, { networkFilter }] = await Promise.all([
    import('../../verbs/network/remove-network.ts'),
    import('../../verbs/network/network-filter.ts'),
  ]);
  const isWanted = networkFilter(options.filter);
  const what = 'This removes all networks that no container is made for.';
  if (!options.force && !(await confirm(what, '--force', session.context.signal))) return;
  const removed = await pruneNetworks(context, isWanted);
  if (options.json) session.printJson(removed.map(asData));
  else for (const { name } of removed) session.print(name);
}

const DO: Readonly<Record<Action, (call: Call) => Promise<void>>> = { create, ls: list, inspect, rm: remove, prune };
const RULES: ActionRules<Action, NetworkOptions> = {
  verb: 'network',
  names: { create: 'one', ls: 'none', inspect: 'some', rm: 'some', prune: 'none' },
  options: [
    ['subnet', ['create']],
    ['internal', ['create']],
    ['label', ['create']],
    ['driver', ['create']],
    ['ignore', ['create']],
    ['filter', ['ls', 'prune']],
    ['format', ['ls', 'inspect']],
    ['force', ['rm', 'prune']],
  ],
  driver: 'bridge',
};

/** Reads an action, and tells what there is in the place of two of docker's. @throws USAGE */
function parseAction(text: string): string {
  if (text === 'connect' || text === 'disconnect') {
    throw new TsimgError('USAGE', `there is no network ${text}`, {
      why: 'the networks of a container are chosen when it is made',
      hint: 'give --network to tsimg run or create, several times for several networks',
    });
  }
  if (ACTIONS.some((action) => action === text)) return text;
  throw new InvalidArgumentError(`Allowed choices are ${ACTIONS.join(', ')}.`);
}

/** Adds `tsimg network`. */
export function addNetwork(program: Command): void {
  const network = program
    .command('network')
    .description('Make, list and remove networks, on which containers find each other by their names.')
    .addArgument(new Argument('<action>', 'what to do').choices(ACTIONS).argParser(parseAction))
    .argument('[name...]', 'names of networks; for inspect and rm also IDs')
    .option('--subnet <network>', 'of create: its addresses, such as 10.20.30.0/24 (default: a free network)')
    .option('--internal', 'of create: its containers reach nothing but each other and the host')
    .option('-l, --label <name[=value]>', 'of create: add a label', collect, [])
    .option('-d, --driver <driver>', 'of create: bridge is the only one')
    .option('--ignore', 'of create: do nothing where there is a network of this name')
    .option('--filter <key=value>', 'of ls and prune: only networks with this name, id, label or driver', collect, [])
    .option('--format <template>', "of ls and inspect: print json, or a part, such as '{{.Name}}'")
    .option(
      SHORT_FORCE,
      'of rm: a network that does not exist is no error; of prune: do not ask first (needed without a ' +
        'terminal); -f of ls is --filter, and of inspect --format',
    );
  withCommon(network).action(async (action: Action, names: string[], _: unknown, invoked: Command) => {
    const asked = readAction<Action, NetworkOptions>(action, names, invoked.optsWithGlobals(), RULES);
    await inSession(asked.options, async (session) => {
      const context = { ...session.context, stateRoot: statePlace(asked.options) };
      await DO[action]({ ...asked, session, context });
    });
  });
}

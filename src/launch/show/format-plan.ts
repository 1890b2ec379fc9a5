import { replaceUnsafe, unicodeEscape } from '../../unsafe-text.ts';
import type { IdMap, LaunchPlan, ProcessPlan } from '../launch-plan.ts';
import { formatCgroups } from './format-cgroups.ts';
import { formatNetwork } from './format-network.ts';
import { formatStep, quote } from './format-step.ts';

function formatMap(map: IdMap): readonly string[] {
  const lines = (extents: IdMap['uids']) =>
    extents.map((each) => `${each.inside}:${each.outside}:${each.count}`).join(' ');
  const shown = map.by === 'root' ? ['show files with these IDs # by ID-mapped mounts'] : [];
  return [`user IDs ${lines(map.uids)}`, `group IDs ${lines(map.gids)}`, ...shown];
}

/** What the process becomes, a line for each thing that is done to it. */
export function formatCommand(command: ProcessPlan): readonly string[] {
  const limits = command.limits.map(
    ({ resource, soft, hard }) => `${resource}=${soft}${hard === 'keep' ? '' : `:${hard}`}`,
  );
  return [
    `user ${command.user === '' ? 'root' : quote(command.user)} # looked up in ROOT/etc/passwd and ROOT/etc/group`,
    `capabilities ${command.capabilities.join(' ') || 'none'}; ${command.noNewPrivileges ? 'no_new_privs; ' : ''}seccomp ${typeof command.seccomp === 'string' ? command.seccomp : 'as given'}`,
    `umask ${command.umask.toString(8).padStart(4, '0')}; limits ${limits.join(' ')}`,
    `cd ${quote(command.cwd)}`,
    ...command.env.map((entry) => `export ${quote(entry)}`),
    `exec ${command.args.map(quote).join(' ')}`,
  ];
}

/** A plan for people, a line a step, in the order in which things happen. */
export function formatPlan({ namespaces, idMap, cgroups, network, steps, command, warnings }: LaunchPlan): string {
  return [
    ...warnings.map((warning) => `# warning: ${replaceUnsafe(warning, unicodeEscape)}`),
    ...formatCgroups(cgroups),
    `namespaces ${[...(idMap === undefined ? [] : ['user']), ...namespaces].join(' ')}`,
    ...(idMap === undefined ? [] : formatMap(idMap)),
    ...formatNetwork(network),
    ...steps.map(formatStep),
    ...formatCommand(command),
  ].join('\n');
}

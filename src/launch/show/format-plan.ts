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

/** Formats the container's process, a line for each setting. */
export function formatCommand(command: ProcessPlan): readonly string[] {
  const limits = command.limits.map(
    ({ resource, soft, hard }) => `${resource}=${soft}${hard === 'keep' ? '' : `:${hard}`}`,
  );
  const seccomp = typeof command.seccomp === 'string' ? command.seccomp : 'as given';
  const privileges = `${command.noNewPrivileges ? 'no_new_privs; ' : ''}seccomp ${seccomp}`;
  return [
    `user ${command.user === '' ? 'root' : quote(command.user)} # looked up in ROOT/etc/passwd and ROOT/etc/group`,
    `capabilities ${command.capabilities.join(' ') || 'none'}; ${privileges}`,
    `umask ${command.umask.toString(8).padStart(4, '0')}; limits ${limits.join(' ')}`,
    `cd ${quote(command.cwd)}`,
    ...command.env.map((entry) => `export ${quote(entry)}`),
    `exec ${command.args.map(quote).join(' ')}`,
  ];
}

/** Formats a plan, a line for each step, in the order of execution. */
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

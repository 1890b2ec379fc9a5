import type { HostTools } from '../launch/host-facts.ts';
import { DESCRIPTOR } from './channel.ts';
import { requireTool } from './tools.ts';

/** The environment of the host's programs and of ours: nothing of the caller's (NODE_OPTIONS, LD_PRELOAD) reaches them. */
export const TOOL_ENV = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' } as const;

/** Killed when the caller dies. Gaining or changing credentials clears this, so it is set again after each such step. */
function dying(tools: HostTools): readonly string[] {
  return [requireTool(tools, 'setpriv'), '--pdeathsig', 'KILL'];
}

/**
 * Puts a command into a new user namespace, told by a message on `status`, where it waits for a line on `control`: the maps
 * are written meanwhile. Only the command that follows is root in it. Without `keepDescriptors` it does not see the two.
 * @throws HOST_UNSUPPORTED
 */
export function inUserNamespace(
  tools: HostTools,
  command: readonly string[],
  keepDescriptors = true,
): readonly string[] {
  const close = keepDescriptors ? '' : ` ${DESCRIPTOR.control}<&- ${DESCRIPTOR.status}>&-`;
  const told = { kind: 'namespace' };
  const script = `echo '${JSON.stringify(told)}' >&${DESCRIPTOR.status} && read -r _ <&${DESCRIPTOR.control} && exec "$@"${close}`;
  return [
    ...dying(tools),
    requireTool(tools, 'unshare'),
    '--user',
    requireTool(tools, 'sh'),
    '-c',
    script,
    'sh',
    ...dying(tools),
    ...command,
  ];
}

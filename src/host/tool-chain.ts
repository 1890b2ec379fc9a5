import type { HostTools } from '../launch/host-facts.ts';
import { DESCRIPTOR } from './channel.ts';
import { requireTool } from './tools.ts';

/** The environment of the host's programs and of ours: nothing of the caller's (NODE_OPTIONS, LD_PRELOAD) reaches them. */
export const TOOL_ENV = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' } as const;

/** Killed when the caller dies. Gaining or changing credentials clears this, so it is set again after each such step. */
function dying(tools: HostTools): readonly string[] {
  return [requireTool(tools, 'setpriv'), '--pdeathsig', 'KILL'];
}

function becomeRoot(tools: HostTools): readonly string[] {
  return [requireTool(tools, 'setpriv'), '--reuid=0', '--regid=0', '--clear-groups', '--inh-caps=-all'];
}

/** How a command is put into a user namespace. */
export interface NamespaceOptions {
  /** Whether the command sees the two descriptors; yes, when absent. */
  readonly keepDescriptors?: boolean | undefined;
  /** Whether the caller is not root of the namespace, and must become it. */
  readonly becomesRoot?: boolean | undefined;
}

/**
 * Puts a command into a new user namespace, told by a message on `status`, where it waits for a line on `control`: the maps
 * are written meanwhile. Only the command that follows is root in it.
 * @throws HOST_UNSUPPORTED
 */
export function inUserNamespace(
  tools: HostTools,
  command: readonly string[],
  { keepDescriptors = true, becomesRoot = false }: NamespaceOptions = {},
): readonly string[] {
  const close = keepDescriptors ? '' : ` ${DESCRIPTOR.control}<&- ${DESCRIPTOR.status}>&-`;
  const told = { kind: 'namespace' };
  const script = `echo '${JSON.stringify(told)}' >&${DESCRIPTOR.status} && read -r _ <&${DESCRIPTOR.control} && exec "$@"${close}`;
  return [
    ...dying(tools),
    requireTool(tools, 'unshare'),
    '--user',
    ...(becomesRoot ? ['--keep-caps'] : []),
    requireTool(tools, 'sh'),
    '-c',
    script,
    'sh',
    ...(becomesRoot ? becomeRoot(tools) : []),
    ...dying(tools),
    ...command,
  ];
}

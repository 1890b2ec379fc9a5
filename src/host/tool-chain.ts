import type { HostTools } from '../launch/host-facts.ts';
import type { LaunchPlan, Namespace } from '../launch/plan.ts';
import { DESCRIPTOR, type StageMessage } from './channel.ts';
import { requireTool } from './tools.ts';

const OPTIONS: Readonly<Record<Namespace, string>> = {
  mount: '--mount',
  pid: '--pid',
  ipc: '--ipc',
  uts: '--uts',
  network: '--net',
  time: '--time',
};

/** The environment of the host's programs and of the stage: nothing of the caller's (NODE_OPTIONS, LD_PRELOAD) reaches them. */
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
  const told: StageMessage = { kind: 'namespace' };
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

/**
 * The programs that make a plan's namespaces and end in the stage, each by absolute path. A single ID unshare maps itself,
 * before it executes anything: below no_new_privs a program that is executed later would not become root. @throws HOST_UNSUPPORTED
 */
export function toolChain(plan: LaunchPlan, tools: HostTools, stage: readonly string[]): readonly string[] {
  const { network } = plan;
  const joined = network.kind === 'join' ? network : undefined;
  const enter = [
    ...(joined === undefined ? [] : [requireTool(tools, 'nsenter'), `--net=${joined.path}`]),
    // Root of the other container's user namespace, which has the same map, is root over its network too.
    ...(joined?.userNamespace === undefined ? [] : [`--user=${joined.userNamespace}`, '--preserve-credentials']),
    ...(joined === undefined ? [] : ['--', ...dying(tools)]),
    requireTool(tools, 'unshare'),
    ...(plan.idMap?.by === 'single' && joined?.userNamespace === undefined ? ['--user', '--map-root-user'] : []),
    ...plan.namespaces.map((namespace) => OPTIONS[namespace]),
    '--propagation',
    'unchanged',
    '--fork',
    '--kill-child=KILL',
    ...stage,
  ];
  const isMapped = plan.idMap?.by === 'newuidmap' && joined?.userNamespace === undefined;
  return isMapped ? inUserNamespace(tools, enter) : [...dying(tools), ...enter];
}

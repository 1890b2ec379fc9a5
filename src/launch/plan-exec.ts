import { TsimgError } from '../errors.ts';
import { CAPABILITY_NAMES, type Capability } from '../linux/capabilities.ts';
import { planEnvironment } from './environment.ts';
import type { ExecRequest } from './exec-request.ts';
import { formatCommand } from './format-plan.ts';
import type { HostFacts } from './host-facts.ts';
import { CGROUP_FOLDER } from './limits.ts';
import type { LaunchPlan, Namespace, ProcessPlan } from './plan.ts';
import { checkWorkdir } from './plan-run.ts';

/** A command in a container that runs, as data: printed by `--dry-run`, performed by host/enter. */
export interface ExecPlan {
  /** Those that the container does not share with the host: all are joined. */
  readonly namespaces: readonly (Namespace | 'user' | 'cgroup')[];
  /** Directories of the container's cgroups; those that are not there could not be made for the container. */
  readonly cgroups: readonly string[];
  readonly command: ProcessPlan;
  /** Whether it goes on when tsimg is gone. */
  readonly detached: boolean;
}

/** The container's namespaces, in the order in which they are joined. */
export function joinedNamespaces(container: LaunchPlan): ExecPlan['namespaces'] {
  const hasCgroup = container.steps.some((step) => step.do === 'cgroup-namespace');
  const own = container.namespaces;
  const network = container.network.kind === 'join' && !own.includes('network') ? (['network'] as const) : [];
  return [
    ...(container.idMap === undefined ? [] : (['user'] as const)),
    ...own,
    ...network,
    ...(hasCgroup ? (['cgroup'] as const) : []),
  ];
}

function planCapabilities(container: LaunchPlan, { privileged }: ExecRequest, facts: HostFacts): readonly Capability[] {
  if (!privileged) return container.command.capabilities;
  const { capabilities: given } = facts;
  // A user namespace has all; the caller itself may have been started with fewer.
  if (container.idMap !== undefined || given === undefined) return CAPABILITY_NAMES;
  return CAPABILITY_NAMES.filter((name) => given.includes(name));
}

function checkRequest({ command, detached, terminal }: ExecRequest): void {
  if (command.length === 0) throw new TsimgError('USAGE', 'no command', { hint: 'tsimg exec CONTAINER COMMAND' });
  if (command.some((word) => word.includes('\0'))) throw new TsimgError('USAGE', 'a command with a zero byte');
  if (!detached || !terminal) return;
  throw new TsimgError('USAGE', '-d and -t exclude each other', { why: 'nobody would be at the terminal' });
}

/**
 * The container's own plan, what is asked for, and the host → what is done to run a command in it. What is not asked for is as
 * for the container's first command. User, home and program are looked up later, in the container's root.
 * @throws USAGE
 */
export function planExec(
  container: LaunchPlan,
  request: ExecRequest,
  facts: HostFacts,
  hostEnv: Readonly<Record<string, string | undefined>>,
): ExecPlan {
  checkRequest(request);
  const { command } = container;
  return {
    namespaces: joinedNamespaces(container),
    cgroups: container.cgroups.map(({ base, id }) => `${base}/${CGROUP_FOLDER}/${id}`),
    command: {
      ...command,
      args: request.command,
      env: planEnvironment({
        image: command.env,
        files: request.envFiles,
        options: request.env,
        hostname: '',
        terminal: request.terminal,
        hostEnv,
      }),
      cwd: checkWorkdir(request.workdir ?? command.cwd),
      user: request.user ?? command.user,
      capabilities: planCapabilities(container, request, facts),
      seccomp: request.privileged ? 'unconfined' : command.seccomp,
      terminal: request.terminal,
      stdin: request.interactive && !request.detached,
    },
    detached: request.detached,
  };
}

/** The plan for people, a line a step. */
export function formatExecPlan({ namespaces, cgroups, command, detached }: ExecPlan): string {
  return [
    `join namespaces ${namespaces.join(' ')}`,
    ...cgroups.map((directory) => `join cgroup ${directory}`),
    ...(command.terminal ? ['open a terminal on ROOT/dev/pts'] : []),
    ...(detached ? ['go on in the background'] : []),
    ...formatCommand(command),
  ].join('\n');
}

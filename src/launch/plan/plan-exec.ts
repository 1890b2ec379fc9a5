import { TsimgError } from '../../errors.ts';
import { CAPABILITY_NAMES, type Capability } from '../../linux/capabilities.ts';
import type { RunConfig } from '../../oci/run-config.ts';
import type { HostFacts } from '../facts/host-facts.ts';
import type { IdMap, LaunchPlan, Namespace, ProcessPlan, RootSpec } from '../launch-plan.ts';
import { openingCapability } from '../limits/device-list.ts';
import { enteringDirectory, processDirectory } from '../limits/limits.ts';
import { DEFAULT_PATH, mergeEnvironment, planEnvironment, variable } from './environment.ts';

import { storedMap } from './id-map.ts';
import { checkWorkdir, imageWorkdir } from './process-plan.ts';

/** What `tsimg exec` was asked for, as its options say it. */
export interface ExecRequest {
  readonly command: readonly string[];
  /** `-i`: standard input is passed on; without it the command reads /dev/null. */
  readonly interactive: boolean;
  /** `-t`: a terminal of its own. */
  readonly terminal: boolean;
  /** `-d`: it goes on in the background, its output is nobody's. */
  readonly detached: boolean;
  /** `-e`, in order; a name alone takes the caller's value. */
  readonly env: readonly string[];
  /** `--env-file`: the text of each file. */
  readonly envFiles: readonly string[];
  /** `-w` */
  readonly workdir?: string | undefined;
  /** `-u user[:group]` */
  readonly user?: string | undefined;
  /** `--privileged`: all capabilities that the caller can give, and no system call filter. */
  readonly privileged?: boolean | undefined;
  /** `--toolbox`: an image whose files the command sees, in the namespaces of the container. */
  readonly toolbox?: string | undefined;
}

/** What the planner is told besides the request: it looks nothing up. */
export interface ExecSurroundings {
  readonly facts: HostFacts;
  /** The caller's environment, for `-e NAME`. */
  readonly hostEnv: Readonly<Record<string, string | undefined>>;
}

/** Another root for the command, in which what the container sees is seen too. */
export interface Toolbox {
  readonly root: RootSpec;
  /** For overlays of users. */
  readonly userXattr: boolean;
  /** Directories of the container, with all that is mounted in them, and where they are then. */
  readonly shown: readonly { readonly from: string; readonly to: string }[];
  /** Files of the container's that are copied over the root's own, where the container has them. */
  readonly copied: readonly string[];
}

/** A cgroup of the container's. */
export interface EnteredCgroup {
  /** For the command. */
  readonly directory: string;
  /**
   * For the stub, which is held to the container's devices before anybody in there sees it; absent without a list of
   * them.
   */
  readonly waiting?: string | undefined;
  /** Whether the command must not be without it; else one that is not there could not be made for the container. */
  readonly required: boolean;
}

/** A command in a container that runs, as data: printed by `--dry-run`, performed by host/exec/enter. */
export interface ExecPlan {
  /** Those that the container does not share with the host: all are joined. */
  readonly namespaces: readonly (Namespace | 'user' | 'cgroup')[];
  /** The container's cgroups. */
  readonly cgroups: readonly EnteredCgroup[];
  readonly command: ProcessPlan;
  /** Whether it goes on when tsimg is gone. */
  readonly detached: boolean;
  readonly toolbox?: Toolbox | undefined;
  /** The container's; absent where it has no user namespace. */
  readonly idMap?: IdMap | undefined;
}

/** The container's namespaces, in the order in which they are joined. */
function joinedNamespaces(container: LaunchPlan): ExecPlan['namespaces'] {
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

/**
 * All capabilities on top of the container's own are not all devices: what kept it from the host's, or need not, must
 * keep them too.
 * @throws HOST_UNSUPPORTED
 */
function planCgroups(container: LaunchPlan, request: ExecRequest, facts: HostFacts): readonly EnteredCgroup[] {
  const { cgroups, idMap, mayUseAllDevices = false } = container;
  const isRoots = facts.canMount && !facts.nestedUserNamespace && idMap === undefined;
  const opens = openingCapability(planCapabilities(container, request, facts)) !== undefined;
  const closed = request.privileged === true && isRoots && opens && !mayUseAllDevices;
  const hasList = cgroups.some(({ devices }) => devices !== undefined);
  if (closed && !(hasList && (facts.cgroups.exposed ?? []).length === 0)) {
    throw new TsimgError('HOST_UNSUPPORTED', 'no privileged command can be kept from the host’s devices', {
      where: '--privileged',
      why: 'no list of devices holds for the container',
      hint: 'run the container with --privileged if it may use all of them, or where tsimg can make cgroups',
    });
  }
  return cgroups.map(
    (plan): EnteredCgroup => ({
      directory: processDirectory(plan),
      waiting: enteringDirectory(plan),
      required: closed || plan.devices?.neededBy !== undefined,
    }),
  );
}

function checkRequest({ command, detached, terminal }: ExecRequest): void {
  if (command.length === 0) throw new TsimgError('USAGE', 'no command', { hint: 'tsimg exec CONTAINER COMMAND' });
  if (command.some((word) => word.includes('\0'))) throw new TsimgError('USAGE', 'a command with a zero byte');
  if (!detached || !terminal) return;
  throw new TsimgError('USAGE', '-d and -t exclude each other', { why: 'a command in the background has no terminal' });
}

/**
 * The container's own plan, what is asked for, and the host → what is done to run a command in it. What is not asked
 * for is as for the container's first command. User, home and program are looked up later, in the container's root.
 * @throws USAGE
 */
export function planExec(container: LaunchPlan, request: ExecRequest, { facts, hostEnv }: ExecSurroundings): ExecPlan {
  checkRequest(request);
  const { command } = container;
  return {
    namespaces: joinedNamespaces(container),
    cgroups: planCgroups(container, request, facts),
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
    idMap: container.idMap,
  };
}

/** Where the files of the container are in a toolbox. */
export const CONTAINER_PLACE = '/container';

/**
 * The same with the files of another image: /proc, /sys and /dev are the very ones that the container sees, so that ps
 * shows its processes and its own terminals are there, and its root is at /container. Without a command, a shell.
 * @throws USAGE
 */
export function planToolbox(
  container: LaunchPlan,
  request: ExecRequest,
  { root, config, ...around }: ExecSurroundings & { readonly root: RootSpec; readonly config: RunConfig },
): ExecPlan {
  if (request.detached) {
    throw new TsimgError('USAGE', '-d and --toolbox exclude each other', {
      why: 'its files are removed when its command ends',
    });
  }
  if (container.idMap?.by === 'root') {
    throw new TsimgError('HOST_UNSUPPORTED', '--toolbox does not go with a container of --userns auto', {
      hint: 'run the container without --userns auto',
    });
  }
  const hostname = variable(container.command.env, 'HOSTNAME') ?? '';
  const own: LaunchPlan = {
    ...container,
    command: {
      ...container.command,
      env: mergeEnvironment([`PATH=${DEFAULT_PATH}`, `HOSTNAME=${hostname}`], config.env),
      cwd: imageWorkdir(config),
      user: '',
    },
  };
  const command = request.command.length === 0 ? ['/bin/sh'] : request.command;
  return {
    ...planExec(own, { ...request, command }, around),
    toolbox: {
      root,
      userXattr: storedMap(container.idMap) !== undefined,
      shown: [
        ...['/proc', '/sys', '/dev'].map((path) => ({ from: path, to: path })),
        { from: '/', to: CONTAINER_PLACE },
      ],
      copied: ['/etc/hosts', '/etc/resolv.conf'],
    },
  };
}

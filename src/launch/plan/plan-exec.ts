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

/** The request of an `exec`, under the names of the command line's options. */
export interface ExecRequest {
  readonly command: readonly string[];
  /** `-i`: standard input is passed on; without it the command reads /dev/null. */
  readonly interactive: boolean;
  /** `-t`: a terminal of the command's own. */
  readonly terminal: boolean;
  /** `-d`: the command runs in the background, and its output is discarded. */
  readonly detached: boolean;
  /** `-e`, in order; a name alone gets the caller's value. */
  readonly env: readonly string[];
  /** `--env-file`: the text of each file. */
  readonly envFiles: readonly string[];
  /** `-w` */
  readonly workdir?: string | undefined;
  /** `-u user[:group]` */
  readonly user?: string | undefined;
  /** `--privileged`: all capabilities of the caller, and no system call filter. */
  readonly privileged?: boolean | undefined;
  /** `--toolbox`: an image whose files the command sees, in the container's namespaces. */
  readonly toolbox?: string | undefined;
}

/** What the planner takes besides the request: the planner looks nothing up. */
export interface ExecSurroundings {
  readonly facts: HostFacts;
  /** The caller's environment, for `-e NAME`. */
  readonly hostEnv: Readonly<Record<string, string | undefined>>;
}

/** Another root for the command, which shows the container's files too. */
export interface Toolbox {
  readonly root: RootSpec;
  /** Whether overlayfs uses user.* attributes, as ordinary users must. */
  readonly userXattr: boolean;
  /** Directories of the container, with the mounts below them, and their places in the toolbox. */
  readonly shown: readonly { readonly from: string; readonly to: string }[];
  /** Files of the container that are copied over the root's own, where the container has them. */
  readonly copied: readonly string[];
}

/** A cgroup of the container. */
export interface EnteredCgroup {
  /** The cgroup for the command. */
  readonly directory: string;
  /**
   * The cgroup for the stub, which obeys the container's list of devices before any process in the container sees it;
   * absent without a list.
   */
  readonly waiting?: string | undefined;
  /**
   * Whether the command must be in it; else the cgroup may not exist, because it could not be made for the container.
   */
  readonly required: boolean;
}

/** A command in a running container, as data. `--dry-run` prints it; host/exec/enter performs it. */
export interface ExecPlan {
  /** The container's own namespaces, all of which are joined. */
  readonly namespaces: readonly (Namespace | 'user' | 'cgroup')[];
  /** The container's cgroups. */
  readonly cgroups: readonly EnteredCgroup[];
  readonly command: ProcessPlan;
  /** Whether the command runs on when tsimg has ended. */
  readonly detached: boolean;
  readonly toolbox?: Toolbox | undefined;
  /** The container's map; absent where it has no user namespace. */
  readonly idMap?: IdMap | undefined;
}

/** The container's namespaces, in the order of joining. */
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
  // A user namespace gives all capabilities; the caller itself may have fewer.
  if (container.idMap !== undefined || given === undefined) return CAPABILITY_NAMES;
  return CAPABILITY_NAMES.filter((name) => given.includes(name));
}

/**
 * Plans the cgroups of the command. `--privileged` gives all capabilities, but not all devices: the container's list of
 * devices must hold for the command too.
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
 * Plans a command in a container, from the container's own plan, the request and the host. Settings without an option
 * are those of the container's first command. User, home and program are looked up later, in the container's root.
 * @throws USAGE, HOST_UNSUPPORTED
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

/** The place of the container's files in a toolbox. */
export const CONTAINER_PLACE = '/container';

/**
 * Plans a command with the files of another image: /proc, /sys and /dev are the container's own, so that ps shows its
 * processes and its terminals work, and the container's root is at /container. The default command is a shell.
 * @throws USAGE, HOST_UNSUPPORTED
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

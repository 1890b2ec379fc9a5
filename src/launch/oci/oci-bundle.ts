import { chooseCapabilities } from '../../linux/capabilities.ts';
import { mapId } from '../../linux/ids.ts';
import type { ImageConfig } from '../../oci/config.ts';
import type { HostFacts } from '../facts/host-facts.ts';
import type { IdMap, Step } from '../launch-plan.ts';
import { planCommand } from '../plan/command.ts';
import { planEnvironment, variable } from '../plan/environment.ts';
import { PLAIN_MOUNTS, planMounts } from '../plan/mounts.ts';
import { type ResolvedUser, resolveUser, type UserFiles } from '../plan/user.ts';
import { ociDeviceRules } from './oci-devices.ts';
import { ociSeccomp } from './oci-seccomp.ts';

const HOSTNAME = 'tsimg';
/** The command of an image without one: umoci's choice. */
const FALLBACK_COMMAND = ['sh'];

export interface BundlePlan {
  /** The content of config.json. */
  readonly runtime: object;
  /** Warnings for the user. */
  readonly warnings: readonly string[];
}

/** The host and the user namespace of a bundle. */
export interface BundleTarget {
  /** The ID map to which the files were given; absent for a bundle without a user namespace. */
  readonly idMap?: IdMap | undefined;
  readonly host: HostFacts;
}

interface OciMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

/** The mounts. Devices, links and directories in /dev are made by the runtime. */
function mountsOf(steps: readonly Step[]): readonly OciMount[] {
  return steps.flatMap((step) => {
    if (step.do !== 'mount') return [];
    // The spec's type for either version.
    const type = step.type === 'cgroup2' ? 'cgroup' : step.type;
    const options = [...step.attributes, ...step.data.split(',').filter((option) => option !== '')];
    return [{ destination: step.target, type, source: type, options }];
  });
}

function targetsOf(steps: readonly Step[], kind: 'mask' | 'read-only'): readonly string[] {
  // Runtimes know no patterns: these targets are left out.
  return steps.flatMap((step) => (step.do === kind && !step.target.includes('*') ? [step.target] : []));
}

/** The annotations of a container. Labels win over derived ones. OCI image spec, conversion.md. */
function annotationsOf({ run, platform, author, created }: ImageConfig): Readonly<Record<string, string>> {
  const derived = {
    'org.opencontainers.image.os': platform.os,
    'org.opencontainers.image.architecture': platform.architecture,
    'org.opencontainers.image.variant': platform.variant,
    'org.opencontainers.image.author': author,
    'org.opencontainers.image.created': created,
    'org.opencontainers.image.stopSignal': run.stopSignal,
    'org.opencontainers.image.exposedPorts': run.exposedPorts.join(','),
  };
  const present = Object.entries(derived).flatMap(([name, value]) => (value ? [[name, value]] : []));
  return { ...Object.fromEntries(present), ...run.labels };
}

/** Replaces IDs that the user namespace lacks with root's: a namespace with a single ID has no other. */
function userIn(user: ResolvedUser, idMap: IdMap | undefined): ResolvedUser {
  if (idMap === undefined) return user;
  const uid = mapId(idMap.uids, user.uid) === undefined ? 0 : user.uid;
  const gid = mapId(idMap.gids, user.gid) === undefined ? 0 : user.gid;
  const groups = user.groups.filter((each) => mapId(idMap.gids, each) !== undefined);
  return { ...user, uid, gid, groups };
}

/** Whether the user namespace is made by an ordinary user, who is root in it. */
function isOrdinaryUsers(idMap: IdMap | undefined): boolean {
  return idMap !== undefined && mapId(idMap.uids, 0) !== 0;
}

function mappings(extents: IdMap['uids']) {
  return extents.map(({ inside, outside, count }) => ({ containerID: inside, hostID: outside, size: count }));
}

/**
 * Makes the config.json with which an OCI runtime (1.0.2) starts an image as `tsimg run` does: the same mounts,
 * capabilities, filter and namespaces, an empty network, no terminal. Volumes are plain directories of the root
 * filesystem.
 * @throws LAUNCH_FAILED when the root filesystem does not know the image's user
 */
export function planBundle(config: ImageConfig, files: UserFiles, { idMap, host }: BundleTarget): BundlePlan {
  const { run, platform } = config;
  const wanted = resolveUser(run.user, files);
  const user = userIn(wanted, idMap);
  const steps = planMounts(host, { ...PLAIN_MOUNTS, idMap });
  const capabilities = chooseCapabilities([], []);
  const names = capabilities.map((name) => `CAP_${name}`);
  const env = planEnvironment({
    image: run.env,
    files: [],
    options: [],
    hostname: HOSTNAME,
    terminal: false,
    hostEnv: {},
  });
  const namespaces = ['pid', 'mount', 'ipc', 'uts', 'network', 'cgroup', ...(idMap === undefined ? [] : ['user'])];
  const runtime = {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user: {
        uid: user.uid,
        gid: user.gid,
        umask: 0o022,
        // runc refuses supplementary groups from an ordinary user, and a namespace with a single ID cannot have any.
        ...(!isOrdinaryUsers(idMap) && { additionalGids: user.groups }),
      },
      args: run.entrypoint.length + run.cmd.length === 0 ? FALLBACK_COMMAND : planCommand(run, [], undefined),
      env: variable(env, 'HOME') === undefined ? [...env, `HOME=${user.home}`] : env,
      cwd: run.workingDir.startsWith('/') ? run.workingDir : `/${run.workingDir}`,
      capabilities: {
        bounding: names,
        effective: user.uid === 0 ? names : [],
        permitted: user.uid === 0 ? names : [],
        inheritable: [],
        ambient: [],
      },
      rlimits: [{ type: 'RLIMIT_CORE', soft: 0, hard: 0 }],
      noNewPrivileges: true,
    },
    root: { path: 'rootfs', readonly: false },
    hostname: HOSTNAME,
    mounts: mountsOf(steps),
    annotations: annotationsOf(config),
    linux: {
      ...(idMap !== undefined && { uidMappings: mappings(idMap.uids), gidMappings: mappings(idMap.gids) }),
      // An ordinary user cannot set these.
      ...(idMap === undefined && { resources: { devices: ociDeviceRules() } }),
      namespaces: namespaces.map((type) => ({ type })),
      maskedPaths: targetsOf(steps, 'mask'),
      readonlyPaths: targetsOf(steps, 'read-only'),
      seccomp: ociSeccomp(capabilities, platform.architecture),
    },
  };
  const isOther = wanted.uid !== user.uid || wanted.gid !== user.gid;
  return {
    runtime,
    warnings: isOther ? [`the bundle starts its command as root: its user namespace has no user ${run.user}`] : [],
  };
}

import { TsimgError } from '../../errors.ts';
import type { IdExtent } from '../../linux/ids.ts';
import type { LaunchPlan, Limit, ProcessPlan, Step } from '../launch-plan.ts';
import { variable } from '../plan/environment.ts';
import type { ResolvedUser } from '../plan/user.ts';
import { ociDevices, type PlacedDevice } from './oci-devices.ts';
import { ociPolicy, ociSeccomp } from './oci-seccomp.ts';

/** Facts that the caller found out for the configuration. */
export interface OciSurroundings {
  /** Where the runtime finds the root filesystem. */
  readonly root: string;
  readonly user: ResolvedUser;
  /** GOARCH, as images spell it: `amd64`, `arm64`. */
  readonly architecture: string;
  /** The caller's hard limits, for limits that a plan keeps. */
  readonly hardLimits: ReadonlyMap<Limit['resource'], number>;
  /** The files that hold the contents of `file` steps, by target. */
  readonly files: ReadonlyMap<string, string>;
  /** The devices of `host-device` steps. */
  readonly devices: readonly PlacedDevice[];
}

interface OciMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

function unsupported(what: string): TsimgError {
  const hint = 'leave out --runtime, or that option';
  return new TsimgError('HOST_UNSUPPORTED', `--runtime does not go with ${what}`, { hint });
}

/** A runtime mounts all hierarchies of version 1 with this one mount. */
const CGROUPS: OciMount = {
  destination: '/sys/fs/cgroup',
  type: 'cgroup',
  source: 'cgroup',
  options: ['ro', 'nosuid', 'noexec', 'nodev'],
};

function bind(source: string, destination: string, options: readonly string[]): OciMount {
  return { destination, type: 'bind', source, options: ['rbind', ...options] };
}

function mountOf(step: Step, files: OciSurroundings['files']): readonly OciMount[] {
  switch (step.do) {
    case 'mount': {
      if (step.target.startsWith('/sys/fs/cgroup')) return step.type === 'tmpfs' ? [] : [CGROUPS];
      const options = [...step.attributes, ...step.data.split(',').filter((option) => option !== '')];
      return [{ destination: step.target, type: step.type, source: step.type, options }];
    }
    case 'host-tree':
      return [bind(step.source, step.target, [...step.attributes, 'rprivate'])];
    case 'bind':
      return [bind(step.source, step.target, [...step.attributes, `r${step.propagation ?? 'private'}`])];
    case 'file': {
      const written = files.get(step.target);
      return written === undefined ? [] : [bind(written, step.target, ['rprivate'])];
    }
    case 'host-device':
      if (step.source === '/dev') throw unsupported('all devices of the host');
      // In a user namespace, a runtime binds the host's device of the same name.
      if (!step.make) throw unsupported('devices of the host in a user namespace');
      return [];
    case 'chroot':
      throw unsupported('--isolation chroot');
    default:
      return [];
  }
}

function mountsOf(steps: readonly Step[], files: OciSurroundings['files']): readonly OciMount[] {
  const mounts = steps.flatMap((step) => mountOf(step, files));
  return mounts.filter((mount, index) => mount !== CGROUPS || mounts.indexOf(CGROUPS) === index);
}

function targetsOf(steps: readonly Step[], kind: 'mask' | 'read-only'): readonly string[] {
  // Runtimes know no patterns: these targets are left out, and those that a mount makes read-only already.
  return steps.flatMap((step) =>
    step.do === kind && !step.target.includes('*') && !('mounted' in step) ? [step.target] : [],
  );
}

function limitsOf(limits: readonly Limit[], hardLimits: OciSurroundings['hardLimits']) {
  // The runtime specification has no word for "unlimited": the largest number stands for it.
  const value = (limit: number | 'unlimited') => (limit === 'unlimited' ? Number.MAX_SAFE_INTEGER : limit);
  return limits.map(({ resource, soft, hard }) => {
    const top = hard === 'keep' ? (hardLimits.get(resource) ?? value(soft)) : value(hard);
    return { type: `RLIMIT_${resource.toUpperCase()}`, soft: Math.min(value(soft), top), hard: top };
  });
}

function processOf(command: ProcessPlan, ordinary: boolean, { user, hardLimits }: OciSurroundings) {
  const names = command.capabilities.map((name) => `CAP_${name}`);
  const inForce = user.uid === 0 ? names : [];
  return {
    terminal: command.terminal,
    user: {
      uid: user.uid,
      gid: user.gid,
      umask: command.umask,
      // runc refuses supplementary groups from an ordinary user.
      ...(!ordinary && { additionalGids: user.groups }),
    },
    args: command.args,
    env: variable(command.env, 'HOME') === undefined ? [...command.env, `HOME=${user.home}`] : command.env,
    cwd: command.cwd,
    capabilities: { bounding: names, effective: inForce, permitted: inForce, inheritable: [], ambient: [] },
    rlimits: limitsOf(command.limits, hardLimits),
    noNewPrivileges: command.noNewPrivileges,
  };
}

function mappings(extents: readonly IdExtent[]) {
  return extents.map(({ inside, outside, count }) => ({ containerID: inside, hostID: outside, size: count }));
}

/** Returns the root filesystem of a plan. @throws HOST_UNSUPPORTED for an overlay, which no runtime mounts */
export function rootPath({ steps }: LaunchPlan): string {
  const root = steps.find((step) => step.do === 'root')?.root;
  if (root?.kind === 'directory') return root.path;
  throw new TsimgError('HOST_UNSUPPORTED', 'a runtime is given plain files as the root', {
    facts: { overlayRefused: true },
  });
}

/** Refuses the parts of a plan that a runtime would perform differently. @throws HOST_UNSUPPORTED */
export function checkForRuntime({ network, cgroups, steps }: LaunchPlan): void {
  if (network.kind !== 'none' && network.kind !== 'host') throw unsupported(`the network ${network.kind}`);
  if (cgroups.some(({ limits }) => limits.some(({ byDefault }) => !byDefault))) throw unsupported('limits of cgroups');
  // Mounts that a runtime does not make are refused where they are converted
  mountsOf(steps, new Map());
}

/**
 * Converts a plan to the configuration of an OCI runtime (1.0.2): the same mounts, masks, capabilities, filter, limits
 * and namespaces. @throws HOST_UNSUPPORTED as `checkForRuntime`
 */
export function planToOci(plan: LaunchPlan, around: OciSurroundings): object {
  checkForRuntime(plan);
  const { steps, command, idMap, namespaces } = plan;
  const hostname = steps.find((step) => step.do === 'hostname')?.name;
  const sysctls = steps.flatMap((step) => (step.do === 'sysctl' ? [[step.name.replaceAll('/', '.'), step.value]] : []));
  const seccomp =
    command.seccomp === 'default' ? ociSeccomp(command.capabilities, around.architecture) : command.seccomp;
  const { rules, devices } = ociDevices(plan, around.devices);
  const types = [...namespaces, 'cgroup', ...(idMap === undefined ? [] : ['user'])];
  return {
    ociVersion: '1.0.2',
    process: processOf(command, idMap !== undefined && idMap.by !== 'root', around),
    root: { path: around.root, readonly: steps.some((step) => step.do === 'pivot' && step.readOnlyRoot) },
    ...(hostname !== undefined && { hostname }),
    mounts: mountsOf(steps, around.files),
    linux: {
      ...(idMap !== undefined && { uidMappings: mappings(idMap.uids), gidMappings: mappings(idMap.gids) }),
      // In a user namespace nobody can make these.
      ...(idMap === undefined && { devices, resources: { devices: rules } }),
      namespaces: types.map((type) => ({ type })),
      maskedPaths: targetsOf(steps, 'mask'),
      readonlyPaths: targetsOf(steps, 'read-only'),
      ...(sysctls.length > 0 && { sysctl: Object.fromEntries(sysctls) }),
      ...(seccomp !== 'unconfined' && {
        seccomp:
          typeof seccomp === 'object' && 'verdicts' in seccomp ? ociPolicy(seccomp, around.architecture) : seccomp,
      }),
    },
  };
}

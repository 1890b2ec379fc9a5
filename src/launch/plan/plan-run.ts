import { TsimgError } from '../../errors.ts';
import { type Capability, parseCapability } from '../../linux/capabilities.ts';
import type { RunConfig } from '../../oci/run-config.ts';
import type { HostFacts } from '../facts/host-facts.ts';
import type { IdMap, LaunchPlan, Step } from '../launch-plan.ts';
import { type CgroupPlan, planLimits } from '../limits/limits.ts';
import { type DefaultNetwork, defaultNetwork } from '../network/default-network.ts';
import { planNetwork } from '../network/network-plan.ts';
import { parseDevice } from '../options/devices.ts';
import { parseSize } from '../options/size.ts';
import { planUlimits } from '../options/ulimits.ts';
import { asksForLabel } from '../options/volumes.ts';
import { planCommand } from './command.ts';
import { planEnvironment } from './environment.ts';
import { planUserNamespace, singleIdReason, storedMap } from './id-map.ts';
import { planImageVolumes } from './image-volumes.ts';
import { planInit, planNamespaces, planRestrictions, planUmask } from './isolation.ts';
import { containerMark, type MountsRequest, planMounts } from './mounts.ts';
import { parseAddHost, planNetworkFiles } from './network-files.ts';
import { planDeviceList } from './plan-devices.ts';
import type { RunRequest, RunSurroundings } from './run-request.ts';
import { parseUser } from './user.ts';
import { byDepth, givingWay, isCovered, parseUserMounts, splitMemory, type UserMount } from './user-mounts.ts';

/** DNS knows no underscore; docker, podman and many a compose file do. */
const HOSTNAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;

/** Kernel limit: 64 bytes. @throws USAGE */
function checkHostname(name: string): string {
  if (name.length <= 64 && HOSTNAME.test(name)) return name;
  throw new TsimgError('USAGE', 'not a host name', {
    where: name,
    hint: 'letters, digits, underscores, hyphens and dots, at most 64 of them, and no hyphen or dot first',
  });
}

/** @throws USAGE */
export function checkWorkdir(path: string): string {
  if (path.includes('\0')) throw new TsimgError('USAGE', 'a working directory with a zero byte');
  if (path.startsWith('/')) return path;
  throw new TsimgError('USAGE', 'not a working directory', { where: path, why: 'it must be an absolute path' });
}

/** Names are looked up inside; how they are written can be seen now. @throws USAGE */
function checkUser(spec: string): string {
  parseUser(spec);
  return spec;
}

/** An image may name a relative directory: it is one of the root then. OCI image spec, config.md, "WorkingDir". */
function planWorkdir(request: RunRequest, config: RunConfig): string {
  if (request.workdir !== undefined) return checkWorkdir(request.workdir);
  return checkWorkdir(config.workingDir.startsWith('/') ? config.workingDir : `/${config.workingDir}`);
}

function mountsRequest(
  request: RunRequest,
  idMap: IdMap | undefined,
  ownNetwork: boolean,
  cgroups: readonly CgroupPlan[],
): MountsRequest {
  const { shmSize } = request;
  return {
    idMap,
    ownNetwork,
    cgroups,
    ipc: request.ipc ?? 'private',
    pid: request.pid ?? 'private',
    // The kernel rounds up to whole pages.
    shmSize: shmSize === undefined ? 64 * 1024 ** 2 : Math.ceil(parseSize(shmSize, '--shm-size') / 1024) * 1024,
    privileged: request.privileged ?? false,
    unmask: request.unmask ?? false,
  };
}

/** What was asked for and is not quite so. */
function planWarnings(
  request: RunRequest,
  given: readonly Capability[],
  singleId: string | undefined,
  mounts: readonly UserMount[],
  hasList: boolean,
): readonly string[] {
  const missing = request.capAdd.filter(
    (text) => text.toUpperCase() !== 'ALL' && !given.includes(parseCapability(text)),
  );
  return [
    ...(singleId === undefined ? [] : [singleId]),
    ...missing.map((text) => `--cap-add ${text}: the caller does not have it to give`),
    ...((request.deviceRules ?? []).length > 0 && !hasList
      ? ['--device-cgroup-rule says nothing here: no list of devices denies any']
      : []),
    ...(request.volumes.some(asksForLabel) ? ['-v …:z and :Z say nothing here: tsimg sets no SELinux labels'] : []),
    ...(isCovered('/dev/null', mounts) && !request.privileged
      ? ['what is mounted on /dev hides the container’s own devices; those in it do not work without --privileged']
      : []),
    ...(request.isolation === 'chroot'
      ? ['--isolation chroot: a process of the container with CAP_SYS_CHROOT could leave it']
      : []),
  ];
}

/** Who may mount what it likes, with root's rights on the host, must be in no hierarchy's top. */
function apartBy(
  { privileged }: RunRequest,
  { canMount, nestedUserNamespace }: HostFacts,
  idMap: IdMap | undefined,
  capabilities: readonly Capability[],
): string | undefined {
  const isRoot = canMount && !nestedUserNamespace && idMap === undefined;
  return isRoot && !privileged && capabilities.includes('SYS_ADMIN') ? '--cap-add SYS_ADMIN' : undefined;
}

/** What every new network namespace gets: lo up, ping without a capability, and low ports for everyone. docker's settings. */
function planNetworkSettings(idMap: IdMap | undefined): readonly Step[] {
  const extents = idMap?.gids ?? [{ inside: 0, count: 2 ** 31 }];
  const last = Math.max(...extents.map(({ inside, count }) => inside + count - 1));
  return [
    { do: 'raise-loopback' },
    { do: 'sysctl', name: 'net/ipv4/ping_group_range', value: `0 ${last}` },
    { do: 'sysctl', name: 'net/ipv4/ip_unprivileged_port_start', value: '0' },
  ];
}

/**
 * Image configuration, request and host facts → the launch, as data. Looks nothing up; what depends on the container's root
 * (user, home, program) stays a specification that the stage resolves.
 * @throws USAGE where the request makes no sense, or leaves nothing to run; HOST_UNSUPPORTED
 */
export function planRun(config: RunConfig, request: RunRequest, facts: HostFacts, around: RunSurroundings): LaunchPlan {
  const idMap = planUserNamespace(facts, request.userns);
  const asked: DefaultNetwork = request.network === undefined ? defaultNetwork(facts) : { network: request.network };
  const isHost = asked.network === 'host';
  const ownName = request.uts !== 'host';
  const hostname = ownName
    ? checkHostname(request.hostname ?? (isHost ? facts.hostname : around.id.slice(0, 12)))
    : facts.hostname;
  const mark = containerMark(around.id);
  const network = planNetwork({ ...request, network: asked.network }, facts, {
    id: around.id,
    names: [
      ...new Set([
        hostname,
        ...(request.networkAliases ?? []).map(checkHostname),
        ...(around.name === undefined ? [] : [around.name]),
      ]),
    ],
    hosts: (request.names?.addHosts ?? []).map(parseAddHost),
    joined: around.joined,
  });
  const isNew = network.kind !== 'host' && network.kind !== 'join';
  // Root's map makes a user namespace that has no say in a network that was there before.
  const ownsNetwork = idMap?.by === 'root' ? isNew : !isHost;
  const files = planNetworkFiles(network, hostname, request.names ?? {}, facts.network.resolvConf);
  const cwd = planWorkdir(request, config);
  const mounts = parseUserMounts(request, around.cwd);
  const { memory, others } = splitMemory(mounts);
  const volumes = planImageVolumes(config.volumes, request.imageVolume ?? 'bind', around.volumes, mounts);
  const init = planInit(request, facts, mounts);
  const restrictions = planRestrictions(request, facts);
  const devices = (request.devices ?? []).map((text) => parseDevice(text, idMap === undefined));
  const cgroups = planLimits(request.resources ?? {}, facts.cgroups, around.id, {
    devices: planDeviceList(request, facts, idMap, { capabilities: restrictions.capabilities, devices }),
    apartBy: apartBy(request, facts, idMap, restrictions.capabilities),
    joinAll: facts.canMount,
  });
  const reason = idMap === undefined ? undefined : singleIdReason(facts, idMap);
  return {
    namespaces: planNamespaces(request, isNew),
    ...(idMap === undefined ? {} : { idMap }),
    steps: [
      { do: 'private-mounts' },
      ...(ownName ? [{ do: 'hostname', name: hostname } as const] : []),
      ...(isNew ? planNetworkSettings(idMap) : []),
      { do: 'root', root: around.root, userXattr: storedMap(idMap) !== undefined, attributes: ['nodev'] },
      ...givingWay(planMounts(facts, { ...mountsRequest(request, idMap, ownsNetwork, cgroups), mark }), mounts),
      ...devices,
      // Before what the user mounts, which may hide the terminals that it is made of.
      ...(request.terminal ? [{ do: 'terminal' } as const] : []),
      ...byDepth(volumes.mounts),
      ...memory,
      ...givingWay(files.steps, mounts),
      ...init.steps,
      ...others,
      ...(request.readOnly && cwd !== '/' ? [{ do: 'working-directory', target: cwd } as const] : []),
      { do: request.isolation ?? 'pivot', readOnlyRoot: request.readOnly },
    ],
    command: {
      args: [...init.words, ...planCommand(config, request.command, request.entrypoint)],
      env: planEnvironment({
        image: config.env,
        files: request.envFiles,
        options: request.env,
        hostname,
        terminal: request.terminal,
        hostEnv: around.hostEnv,
      }),
      cwd,
      user: checkUser(
        request.user ?? (idMap?.caller === undefined ? config.user : `${idMap.caller.uid}:${idMap.caller.gid}`),
      ),
      setGroups: idMap?.by !== 'single',
      extraGroups: request.groupAdd ?? [],
      ...restrictions,
      umask: planUmask(request.umask),
      limits: planUlimits(request.ulimits ?? []),
      terminal: request.terminal,
      stdin: request.interactive,
    },
    network,
    ...(request.privileged && { mayUseAllDevices: true }),
    cgroups,
    warnings: [
      ...(asked.warning === undefined ? [] : [asked.warning]),
      ...planWarnings(
        request,
        restrictions.capabilities,
        reason,
        mounts,
        cgroups.some((each) => each.devices !== undefined),
      ),
      ...files.warnings,
      ...volumes.warnings,
    ],
  };
}

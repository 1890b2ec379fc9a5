import { parseCapability } from '../../linux/capabilities.ts';
import type { RunConfig } from '../../oci/run-config.ts';
import { optionWords } from '../../option-words.ts';
import type { IdMap, LaunchPlan, Step } from '../launch-plan.ts';
import type { CgroupPlan } from '../limits/limits.ts';
import { type HostDeviceStep, parseDevice } from '../options/devices.ts';
import { parseSize } from '../options/mount-option.ts';
import { asksForLabel } from '../options/volumes.ts';
import { planHealth } from './health.ts';
import { planUserNamespace, singleIdReason, storedMap } from './id-map.ts';
import { planImageVolumes } from './image-volumes.ts';
import { planInit, planNamespaces, planRestrictions } from './isolation.ts';
import { containerMark, type MountsRequest, planMounts } from './mounts.ts';
import { planCgroups } from './plan-cgroups.ts';
import { type Connection, planConnection, planNetworkSettings } from './plan-connection.ts';
import { checkWorkdir, imageWorkdir, planProcess } from './process-plan.ts';
import type { RunRequest, RunSurroundings } from './run-request.ts';
import { planAccountFiles } from './user.ts';
import { byDepth, givingWay, isCovered, parseUserMounts, splitMemory, type UserMount } from './user-mounts.ts';

/** The decisions from which the list of steps is made. */
interface StepParts {
  readonly idMap: IdMap | undefined;
  readonly connection: Connection;
  readonly cgroups: readonly CgroupPlan[];
  readonly devices: readonly HostDeviceStep[];
  readonly userMounts: readonly UserMount[];
  readonly imageVolumes: readonly UserMount[];
  readonly initSteps: readonly Step[];
  readonly cwd: string;
}

function mountsRequest(request: RunRequest, id: string, parts: StepParts): MountsRequest {
  const { shmSize, privileged = false, unmask = false, ipc = 'private', pid = 'private' } = request;
  const { idMap, connection, cgroups } = parts;
  // A map by root makes a user namespace that has no rights over a network namespace that was there before.
  const ownNetwork = idMap?.by === 'root' ? connection.isNew : connection.network.kind !== 'host';
  // The kernel rounds up to whole pages.
  const bytes = shmSize === undefined ? 64 * 1024 ** 2 : Math.ceil(parseSize(shmSize, '--shm-size') / 1024) * 1024;
  return { idMap, ownNetwork, cgroups, ipc, pid, shmSize: bytes, mark: containerMark(id), privileged, unmask };
}

/** All that happens inside the new namespaces, in order. */
function planSteps(request: RunRequest, { facts, root, id }: RunSurroundings, parts: StepParts): readonly Step[] {
  const { idMap, connection, devices, userMounts, cwd } = parts;
  const { memory, others } = splitMemory(userMounts);
  return [
    { do: 'private-mounts' },
    ...(request.uts === 'host' ? [] : [{ do: 'hostname', name: connection.hostname } as const]),
    ...(connection.isNew ? planNetworkSettings(idMap) : []),
    { do: 'root', root, userXattr: storedMap(idMap) !== undefined, attributes: ['nodev'] },
    ...givingWay(planMounts(facts, mountsRequest(request, id, parts)), userMounts),
    ...devices,
    // Before the user's mounts: they may hide /dev/pts, where the terminal is opened.
    ...(request.terminal ? [{ do: 'terminal' } as const] : []),
    ...byDepth(parts.imageVolumes),
    ...memory,
    ...givingWay([...connection.files.steps, ...planAccountFiles(facts, idMap, cwd)], userMounts),
    ...parts.initSteps,
    ...others,
    ...(request.readOnly && cwd !== '/' ? [{ do: 'working-directory', target: cwd } as const] : []),
    { do: request.isolation ?? 'pivot', readOnlyRoot: request.readOnly },
  ];
}

/** Warnings for options that the container gets only in part. */
function planWarnings(
  request: RunRequest,
  plan: Pick<LaunchPlan, 'command' | 'cgroups'>,
  mounts: readonly UserMount[],
) {
  const { capabilities } = plan.command;
  const hasList = plan.cgroups.some(({ devices }) => devices !== undefined);
  const missing = request.capAdd.filter(
    (text) => text.toUpperCase() !== 'ALL' && !capabilities.includes(parseCapability(text)),
  );
  return [
    ...missing.map((text) => `--cap-add ${text}: the caller does not have it to give`),
    ...((request.deviceRules ?? []).length > 0 && !hasList
      ? ['--device-cgroup-rule has no effect: no list of devices denies anything here']
      : []),
    ...(request.volumes.some(asksForLabel) ? ['-v …:z and :Z have no effect: tsimg sets no SELinux labels'] : []),
    ...(isCovered('/dev/null', mounts) && !request.privileged
      ? ['a mount on /dev hides the container’s devices; device files in it do not work without --privileged']
      : []),
    ...(request.isolation === 'chroot'
      ? ['--isolation chroot: a process of the container with CAP_SYS_CHROOT could leave it']
      : []),
  ];
}

/**
 * Makes the plan of a launch from the image's configuration, the request and the surroundings. It looks nothing up:
 * user, home and program depend on the container's root, so the plan holds them as they were written, and host/steps
 * resolves them.
 * @throws USAGE where the request makes no sense, or no command is left to run; HOST_UNSUPPORTED
 */
export function planRun(config: RunConfig, request: RunRequest, around: RunSurroundings): LaunchPlan {
  const { facts } = around;
  const idMap = planUserNamespace(facts, request.userns);
  const connection = planConnection(request, around, config.exposedPorts);
  const cwd = checkWorkdir(request.workdir ?? imageWorkdir(config));
  const userMounts = parseUserMounts(request, around.cwd, around);
  const volumes = planImageVolumes(config.volumes, {
    mode: request.imageVolume ?? 'bind',
    directory: around.volumes,
    userMounts,
  });
  const init = planInit(request, facts, userMounts);
  const restrictions = planRestrictions(request, facts);
  const devices = (request.devices ?? []).map((text) => parseDevice(text, idMap === undefined));
  const { capabilities } = restrictions;
  const cgroups = planCgroups(request, facts, { id: around.id, idMap, capabilities, devices });
  const { hostname, network, isNew, files } = connection;
  const parts = {
    idMap,
    connection,
    cgroups,
    devices,
    userMounts,
    imageVolumes: volumes.mounts,
    initSteps: init.steps,
  };
  const steps = planSteps(request, around, { ...parts, cwd });
  const process = { ...restrictions, cwd, idMap, hostname, initWords: init.words, hostEnv: around.hostEnv };
  const command = planProcess(config, request, process);
  const health = planHealth(config.healthcheck, request.health);
  const singleId = idMap === undefined ? undefined : singleIdReason(facts, idMap);
  return {
    namespaces: planNamespaces(request, isNew),
    ...(idMap === undefined ? {} : { idMap }),
    steps,
    command,
    network,
    ...(request.privileged && { mayUseAllDevices: true }),
    cgroups,
    ...(health === undefined ? {} : { health }),
    warnings: [
      ...connection.warnings,
      ...(singleId === undefined ? [] : [singleId]),
      ...planWarnings(request, { command, cgroups }, userMounts),
      ...files.warnings,
      ...volumes.warnings,
    ].map((warning) => optionWords(warning)),
  };
}

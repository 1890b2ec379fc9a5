import { leaseAddress } from '../../host/network/leases.ts';
import { containersFolder, type FoundContainer } from '../../host/state/container.ts';
import { findContainer } from '../../host/state/find-container.ts';
import type { ContainerRecord, ContainerState } from '../../host/state/record.ts';
import type { Step } from '../../launch/launch-plan.ts';
import { parseMount } from '../../launch/options/mount-option.ts';
import { parseTmpfs, parseVolume } from '../../launch/options/volumes.ts';
import { formatAddress } from '../../linux/ipv4.ts';
import { CONTAINER_NAME } from '../../store-layout.ts';
import { imageVolumes } from '../changes/fill-volumes.ts';

/** A container under the keys of docker inspect, so that programs for these keys can read it. */
export type InspectedContainer = ReturnType<typeof inspectedContainer>;

/** docker's value for a time that has not come yet. */
const NEVER = '0001-01-01T00:00:00Z';

function stateOf(state: ContainerState, { detached }: ContainerRecord) {
  const runs = state.status === 'running';
  return {
    Status: state.status,
    Running: runs,
    Paused: false,
    Restarting: state.status === 'restarting',
    OOMKilled: state.oomKilled ?? false,
    /** The host's PID of process 1; 0 while the container is not running. */
    Pid: runs ? (state.process?.pid ?? 0) : 0,
    /** The PID of its monitor. */
    ...(runs && detached ? { ConmonPid: state.owner?.pid ?? 0 } : {}),
    ExitCode: runs ? 0 : (state.exitCode ?? 0),
    Error: state.error ?? '',
    StartedAt: state.startedAt ?? NEVER,
    FinishedAt: state.finishedAt ?? NEVER,
  };
}

function mountOf(step: Step) {
  if (step.do === 'bind') {
    const RW = !step.attributes.includes('ro');
    const { source, target, propagation = 'private', imageVolume } = step;
    return [
      {
        Type: imageVolume ? 'volume' : 'bind',
        Source: source,
        Destination: target,
        RW,
        Propagation: `r${propagation}`,
      },
    ];
  }
  if (step.do !== 'mount') return [];
  return [
    { Type: step.type, Source: '', Destination: step.target, RW: !step.attributes.includes('ro'), Propagation: '' },
  ];
}

function hostConfigOf({ request, restart, remove, plan }: ContainerRecord) {
  return {
    NetworkMode: request.network ?? plan.network.kind,
    RestartPolicy: { Name: restart.when, MaximumRetryCount: restart.times ?? 0 },
    AutoRemove: remove,
    Privileged: request.privileged ?? false,
    ReadonlyRootfs: request.readOnly,
    Init: request.init ?? false,
    Binds: request.volumes,
    Tmpfs: request.tmpfs,
    CapAdd: request.capAdd,
    CapDrop: request.capDrop,
    IpcMode: request.ipc ?? 'private',
    PidMode: request.pid ?? 'private',
    UsernsMode: request.userns ?? 'host',
    /** As the options have it: `256m`, `0.5`. */
    Resources: request.resources ?? {},
  };
}

function portsOf({ network }: ContainerRecord['plan']) {
  const ports = 'ports' in network ? network.ports : [];
  const keys = new Set(ports.map(({ containerPort, protocol }) => `${containerPort}/${protocol}`));
  return Object.fromEntries(
    [...keys].map((key) => [
      key,
      ports
        .filter(({ containerPort, protocol }) => `${containerPort}/${protocol}` === key)
        .map(({ hostAddress, hostPort }) => ({ HostIp: hostAddress ?? '0.0.0.0', HostPort: String(hostPort) })),
    ]),
  );
}

/** Returns what inspect shows of a container. Pure. @param address its address on the bridge; '' for none */
export function inspectedContainer({ record, state, directory }: FoundContainer, address: string) {
  const { id, name, created, image, labels, config, request, plan, root, cwd } = record;
  const steps = [
    ...request.volumes.map((text) => parseVolume(text, cwd)),
    ...(request.mounts ?? []).map((text) => parseMount(text, cwd)),
    ...request.tmpfs.map(parseTmpfs),
    ...imageVolumes(plan),
  ];
  const rootPath = root.kind === 'directory' ? root.path : undefined;
  const host = plan.steps.find((step) => step.do === 'hostname');
  return {
    Id: id,
    Name: name,
    Created: created,
    Path: plan.command.args[0] ?? '',
    Args: plan.command.args.slice(1),
    State: stateOf(state, record),
    /** The image's ID, as docker's; '' for a root filesystem. */
    Image: image?.id ?? '',
    ...(image === undefined ? {} : { ImageDigest: image.digest }),
    ...(rootPath === undefined ? {} : { Rootfs: rootPath }),
    RestartCount: state.restarts,
    LogPath: record.detached ? `${directory}/${CONTAINER_NAME.log}` : '',
    Config: {
      Image: image?.name ?? '',
      Hostname: host?.do === 'hostname' ? host.name : '',
      User: plan.command.user,
      Env: plan.command.env,
      Entrypoint:
        request.entrypoint === undefined ? config.entrypoint : [request.entrypoint].filter((word) => word !== ''),
      Cmd: request.command.length > 0 || request.entrypoint !== undefined ? request.command : config.cmd,
      WorkingDir: plan.command.cwd,
      Labels: labels,
      Tty: request.terminal,
      OpenStdin: request.interactive,
      StopSignal: record.stopSignal,
      StopTimeout: record.stopTimeout,
    },
    HostConfig: hostConfigOf(record),
    NetworkSettings: { IPAddress: address, Ports: state.status === 'running' ? portsOf(plan) : {} },
    Mounts: steps.flatMap(mountOf),
  };
}

/** Inspects a container. @throws CONTAINER_NOT_FOUND, CONTAINER_AMBIGUOUS, STORE_INVALID, FILESYSTEM */
export async function inspectContainer(stateRoot: string, wanted: string): Promise<InspectedContainer> {
  const container = await findContainer(containersFolder(stateRoot), wanted);
  const { id, plan } = container.record;
  const onBridge = container.state.status === 'running' && plan.network.kind === 'bridge' ? plan.network : undefined;
  const address = onBridge && leaseAddress(onBridge.directory, id);
  return inspectedContainer(container, address === undefined ? '' : formatAddress(address));
}

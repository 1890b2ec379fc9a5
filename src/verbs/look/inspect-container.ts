import { containersFolder, type FoundContainer } from '../../host/state/container.ts';
import { findContainer } from '../../host/state/find-container.ts';
import { publishedPorts } from '../../host/state/published-ports.ts';
import type { ContainerRecord, ContainerState } from '../../host/state/record.ts';
import type { HealthPlan, HealthState } from '../../launch/health.ts';
import type { RootSpec } from '../../launch/launch-plan.ts';
import { healthcheckDocument } from '../../oci/healthcheck.ts';
import { CONTAINER_NAME } from '../../store-layout.ts';
import type { ContainersContext } from '../places.ts';
import { inspectedMounts } from './container-mounts.ts';
import { type ContainerSize, containerSizes } from './container-sizes.ts';
import { hostConfigOf, portMap } from './inspected-host-config.ts';
import { networksOf } from './inspected-networks.ts';

/** A container under the keys of docker inspect, so that programs for these keys can read it. */
export type InspectedContainer = ReturnType<typeof inspectedContainer>;

/** docker's value for a time that has not come yet. */
const NEVER = '0001-01-01T00:00:00Z';

function healthOf({ status, failingStreak, log }: HealthState) {
  return {
    Status: status,
    FailingStreak: failingStreak,
    Log: log.map(({ start, end, exitCode, output }) => ({
      Start: start,
      End: end,
      ExitCode: exitCode,
      Output: output,
    })),
  };
}

/** The check that runs, with all defaults; docker's durations are nanoseconds. */
function healthcheckOf({ command, interval, timeout, startPeriod, startInterval, retries }: HealthPlan) {
  const test = ['CMD', ...command];
  return healthcheckDocument({
    test,
    interval: interval * 1e6,
    timeout: timeout * 1e6,
    startPeriod: startPeriod * 1e6,
    startInterval: startInterval * 1e6,
    retries,
  });
}

function stateOf({ state, paused, record: { detached } }: FoundContainer) {
  const runs = state.status === 'running';
  return {
    Status: paused ? 'paused' : state.status,
    Running: runs,
    Paused: paused,
    Restarting: state.status === 'restarting',
    OOMKilled: state.oomKilled ?? false,
    /** docker's word for a container that was removed in part: tsimg has none. */
    Dead: false,
    /** The host's PID of process 1; 0 while the container is not running. */
    Pid: runs ? (state.process?.pid ?? 0) : 0,
    /** The PID of its monitor. */
    ...(runs && detached ? { ConmonPid: state.owner?.pid ?? 0 } : {}),
    ExitCode: runs ? 0 : (state.exitCode ?? 0),
    Error: state.error ?? '',
    StartedAt: state.startedAt ?? NEVER,
    FinishedAt: state.finishedAt ?? NEVER,
    /** Undefined, and not in JSON, without a check; a template can ask for it. */
    Health: state.health === undefined ? undefined : healthOf(state.health),
  };
}

/** The published ports, and with `null` those that the image exposes only. */
function portsOf(record: ContainerRecord, state: ContainerState) {
  if (state.status !== 'running') return {};
  const exposed = record.config.exposedPorts;
  const only = exposed.map((text) => [text.includes('/') ? text : `${text}/tcp`, null] as const);
  return { ...Object.fromEntries(only), ...portMap(publishedPorts(record, state)) };
}

/** docker's network settings. The fields besides `Networks` are those of the first network. */
function networkSettingsOf(container: FoundContainer) {
  const { state } = container;
  const pid = state.status === 'running' ? state.process?.pid : undefined;
  const networks = networksOf(container);
  const first = networks[0]?.[1];
  return {
    IPAddress: first?.IPAddress ?? '',
    IPPrefixLen: first?.IPPrefixLen ?? 0,
    Gateway: first?.Gateway ?? '',
    MacAddress: first?.MacAddress ?? '',
    /** Its network namespace, which nsenter(1) enters; '' while the container is not running. */
    SandboxKey: pid === undefined ? '' : `/proc/${pid}/ns/net`,
    Ports: portsOf(container.record, container.state),
    Networks: Object.fromEntries(networks),
  };
}

/** The overlay of a container; undefined, and not in JSON, where it changes its root directory in place. */
function storageOf(root: RootSpec) {
  if (root.kind !== 'overlay') return undefined;
  const { directory, lower } = root;
  const [UpperDir, WorkDir] = [`${directory}/${CONTAINER_NAME.upper}`, `${directory}/${CONTAINER_NAME.work}`];
  return { Name: 'overlay', Data: { LowerDir: lower.join(':'), UpperDir, WorkDir } };
}

function inspectedContainer(container: FoundContainer, size?: ContainerSize) {
  const { record, state, directory } = container;
  const { id, name, created, image, labels, config, request, plan, root } = record;
  const storage = storageOf(root);
  const host = plan.steps.find((step) => step.do === 'hostname');
  return {
    Id: id,
    Name: name,
    Created: created,
    Path: plan.command.args[0] ?? '',
    Args: plan.command.args.slice(1),
    State: stateOf(container),
    /** The image's ID, as docker's; '' for a root filesystem. */
    Image: image?.id ?? '',
    ImageDigest: image?.digest,
    Rootfs: root.kind === 'directory' ? root.path : undefined,
    Platform: 'linux',
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
      Healthcheck: plan.health === undefined ? undefined : healthcheckOf(plan.health),
    },
    HostConfig: hostConfigOf(record),
    NetworkSettings: networkSettingsOf(container),
    Mounts: inspectedMounts(record),
    Driver: storage?.Name,
    GraphDriver: storage,
    /** Bytes, where they were asked for: of the container's own files, and with the layers of its image. */
    SizeRw: size?.own,
    SizeRootFs: size?.total,
  };
}

/**
 * Inspects a container.
 * @param size whether its files are measured
 * @throws CONTAINER_NOT_FOUND, CONTAINER_AMBIGUOUS, STORE_INVALID, FILESYSTEM; with `size` what `containerSizes` throws
 */
export async function inspectContainer(
  wanted: string,
  { stateRoot, size = false, ...context }: ContainersContext & { readonly size?: boolean | undefined },
): Promise<InspectedContainer> {
  const container = await findContainer(containersFolder(stateRoot), wanted);
  const sizes = size ? await containerSizes([container], context) : undefined;
  return inspectedContainer(container, sizes?.get(container.record.id));
}

import type { FoundContainer } from '../../host/state/container.ts';
import { publishedPorts } from '../../host/state/published-ports.ts';
import type { HealthState } from '../../launch/health.ts';
import { formatHostPort, type PublishedPort } from '../../launch/network/publish.ts';
import { type ListedMount, listedMounts } from './container-mounts.ts';
import type { ContainerSize } from './container-sizes.ts';
import { type ListedNetwork, listedNetworks } from './inspected-networks.ts';

/** A container in a list. */
export interface ListedContainer {
  readonly id: string;
  readonly name: string;
  /** The image as the operand had it, or the root filesystem's directory. */
  readonly image: string;
  /** The image's ID: the digest of its config. Undefined for a root filesystem. */
  readonly imageId: string | undefined;
  readonly command: readonly string[];
  /** RFC 3339. */
  readonly created: string;
  readonly status: FoundContainer['state']['status'] | 'paused';
  /** The result of its health check; undefined without one, and while it is not running. */
  readonly health: HealthState['status'] | undefined;
  readonly exitCode: number | undefined;
  readonly oomKilled: boolean;
  readonly startedAt: string | undefined;
  readonly finishedAt: string | undefined;
  /** The host's PID of process 1; undefined while the container is not running. */
  readonly pid: number | undefined;
  /** In docker's form, `0.0.0.0:8080->80/tcp`. Empty while the container is not running. */
  readonly ports: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** The networks that it was made for; none in another container's network. */
  readonly networks: readonly ListedNetwork[];
  /** What of the host is mounted in it. */
  readonly mounts: readonly ListedMount[];
  /** Undefined where it was not asked for, and where the container changes its root directory in place. */
  readonly size: ContainerSize | undefined;
}

function formatPort(port: PublishedPort): string {
  return `${formatHostPort(port)}->${port.containerPort}/${port.protocol}`;
}

/** Returns what a list shows of a container. */
export function listed({ record, state, paused }: FoundContainer, size?: ContainerSize): ListedContainer {
  const { id, name, image, root, plan, created, labels } = record;
  return {
    id,
    name,
    image: image?.name ?? (root.kind === 'directory' ? root.path : root.directory),
    imageId: image?.id,
    command: plan.command.args,
    created,
    status: paused ? 'paused' : state.status,
    health: state.status === 'running' ? state.health?.status : undefined,
    exitCode: state.status === 'running' ? undefined : state.exitCode,
    oomKilled: state.oomKilled ?? false,
    startedAt: state.startedAt,
    finishedAt: state.finishedAt,
    pid: state.status === 'running' ? state.process?.pid : undefined,
    ports: publishedPorts({ plan }, state).map(formatPort),
    labels,
    networks: listedNetworks(plan),
    mounts: listedMounts(record),
    size,
  };
}

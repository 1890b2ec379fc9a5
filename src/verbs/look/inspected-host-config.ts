import { parseByteSize } from '../../byte-size.ts';
import type { ContainerRecord } from '../../host/state/record.ts';
import type { CgroupPlan } from '../../launch/limits/limits.ts';
import { isChosen, type PublishedPort, type WantedPort } from '../../launch/network/publish.ts';

/** docker's and tsimg's default: bytes. */
const SHM_SIZE = 64 * 1024 * 1024;

/** docker's key of a port of the container. */
const portKey = ({ containerPort, protocol }: PublishedPort) => `${containerPort}/${protocol}`;

/** docker's map of ports. A port of the host that is chosen at the start is ''. */
export function portMap(ports: readonly WantedPort[]) {
  const keys = new Set(ports.map(portKey));
  return Object.fromEntries(
    [...keys].map((key) => [
      key,
      ports
        .filter((port) => portKey(port) === key)
        .map((port) => ({
          HostIp: port.hostAddress ?? '0.0.0.0',
          HostPort: isChosen(port) ? '' : String(port.hostPort),
        })),
    ]),
  );
}

const bytesOf = (text: string | undefined) => (text === undefined ? 0 : (parseByteSize(text) ?? 0));

/** docker's rule: twice the memory where nothing else is said, -1 for no limit. */
function swapOf(memory: number, memorySwap: string | undefined): number {
  if (memory === 0) return 0;
  if (memorySwap === undefined) return memory * 2;
  return memorySwap === '-1' ? -1 : bytesOf(memorySwap);
}

/** The limit of processes that the plan sets, by request or by default; 0 for none, as where there are no cgroups. */
function pidsLimitOf(cgroups: readonly CgroupPlan[]): number {
  const limits = cgroups.flatMap((cgroup) => cgroup.limits);
  const value = limits.find(({ option }) => option === '--pids-limit')?.choices[0]?.value;
  return value === undefined || value === 'max' ? 0 : Number(value);
}

/** The limits under docker's keys and in its units; 0 and '' are no limit. */
function limitsOf({ request: { resources = {}, shmSize }, plan }: ContainerRecord) {
  const memory = bytesOf(resources.memory);
  return {
    /** Bytes. */
    Memory: memory,
    MemorySwap: swapOf(memory, resources.memorySwap),
    MemoryReservation: bytesOf(resources.memoryReservation),
    /** Billionths of a processor. */
    NanoCpus: Math.round(Number(resources.cpus ?? 0) * 1e9),
    CpuShares: Number(resources.cpuShares ?? 0),
    CpusetCpus: resources.cpusetCpus ?? '',
    CpusetMems: resources.cpusetMems ?? '',
    PidsLimit: pidsLimitOf(plan.cgroups),
    BlkioWeight: Number(resources.blkioWeight ?? 0),
    ShmSize: shmSize === undefined ? SHM_SIZE : bytesOf(shmSize),
    /** As the options have it: `256m`, `0.5`. */
    Resources: resources,
  };
}

/** Returns a container's request under docker's keys. Pure. */
export function hostConfigOf(record: ContainerRecord) {
  const { request, restart, remove, detached, plan } = record;
  return {
    NetworkMode: request.network ?? plan.network.kind,
    RestartPolicy: { Name: restart.when, MaximumRetryCount: restart.times ?? 0 },
    PortBindings: portMap('ports' in plan.network ? plan.network.ports : []),
    PublishAllPorts: request.publishAll ?? false,
    AutoRemove: remove,
    /** The log of a detached container has the format of Kubernetes' runtimes and podman. */
    LogConfig: { Type: detached ? 'k8s-file' : 'none', Config: {} },
    Privileged: request.privileged ?? false,
    ReadonlyRootfs: request.readOnly,
    Init: request.init ?? false,
    Binds: request.volumes,
    Tmpfs: request.tmpfs,
    CapAdd: request.capAdd,
    CapDrop: request.capDrop,
    GroupAdd: request.groupAdd ?? [],
    Dns: request.names?.dns ?? [],
    DnsSearch: request.names?.dnsSearch ?? [],
    DnsOptions: request.names?.dnsOptions ?? [],
    ExtraHosts: request.names?.addHosts ?? [],
    IpcMode: request.ipc ?? 'private',
    PidMode: request.pid ?? 'private',
    UTSMode: request.uts ?? 'private',
    UsernsMode: request.userns ?? 'host',
    ...limitsOf(record),
  };
}

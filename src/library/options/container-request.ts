import { TsimgError } from '../../errors.ts';
import type { ResourceRequest } from '../../launch/limits/resources.ts';
import type { RunInput } from '../../launch/plan/run-request.ts';
import { parsePlatform } from '../../oci/platform.ts';
import type { LifeRequest } from '../../verbs/run/life-request.ts';
import type { RunSourceOptions } from '../../verbs/run/run-source.ts';
import type { ContainerOptions, PortMapping, SoftAndHard, VolumeMount } from './container-options.ts';

type Values = Readonly<Record<string, string | number | boolean | undefined>>;

function isList(given: object): given is readonly string[] {
  return Array.isArray(given);
}

/**
 * Writes each value as `NAME=value`; a list stays as it is. A name must not be empty or hold `=`.
 * @throws USAGE
 */
export function assignments(option: string, values: Values | readonly string[] | undefined): readonly string[] {
  if (values === undefined) return [];
  if (isList(values)) return values;
  return Object.entries(values).flatMap(([name, value]) => {
    if (name === '' || name.includes('=')) {
      throw new TsimgError('USAGE', `not a name in ${option}`, { where: name, hint: 'a name has no = in it' });
    }
    return value === undefined ? [] : [`${name}=${value}`];
  });
}

function textOf(value: string | number | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}

/** Quotes a field of `--mount`, as CSV does. */
function field(name: string, value: string): string {
  return `"${name}=${value.replaceAll('"', '""')}"`;
}

function mountOf({ source, target, readOnly = false }: VolumeMount): string {
  const type = source.includes('/') || source === '.' || source === '..' ? 'bind' : 'volume';
  const flags = readOnly ? ['readonly'] : [];
  return [`type=${type}`, field('source', source), field('target', target), ...flags].join(',');
}

function portOf(port: number | string | PortMapping): string {
  if (typeof port === 'string') return port;
  const {
    container,
    host,
    address = '127.0.0.1',
    protocol = 'tcp',
  } = typeof port === 'number' ? { container: port } : port;
  const where = address.includes(':') ? `[${address}]` : address;
  return `${where}:${host ?? ''}:${container}${protocol === 'tcp' ? '' : `/${protocol}`}`;
}

function ulimitsOf(ulimits: ContainerOptions['ulimits']): readonly string[] | undefined {
  if (ulimits === undefined || isList(ulimits)) return ulimits;
  const both = (limit: number | SoftAndHard) => (typeof limit === 'number' ? { soft: limit, hard: limit } : limit);
  return Object.entries(ulimits).map(([name, limit]) => `${name}=${both(limit).soft}:${both(limit).hard}`);
}

function tmpfsOf(tmpfs: ContainerOptions['tmpfs']): readonly string[] {
  if (tmpfs === undefined || isList(tmpfs)) return tmpfs ?? [];
  return Object.entries(tmpfs).map(([target, options]) => (options === '' ? target : `${target}:${options}`));
}

function hostsOf(hosts: ContainerOptions['hosts']): readonly string[] {
  if (hosts === undefined || isList(hosts)) return hosts ?? [];
  return Object.entries(hosts).map(([name, address]) => `${name}=${address}`);
}

function resourcesOf(options: ContainerOptions): ResourceRequest {
  if (options.memorySwap !== undefined && options.memory === undefined)
    throw new TsimgError('USAGE', 'memorySwap needs memory', { hint: 'it is the sum of both' });
  const { cpusetCpus, cpusetMems, deviceReadBps, deviceWriteBps, deviceReadIops, deviceWriteIops } = options;
  return {
    memory: textOf(options.memory),
    memorySwap: textOf(options.memorySwap),
    memoryReservation: textOf(options.memoryReservation),
    cpus: textOf(options.cpus),
    cpuShares: textOf(options.cpuShares),
    cpusetCpus,
    cpusetMems,
    pidsLimit: textOf(options.pids),
    blkioWeight: textOf(options.blkioWeight),
    deviceReadBps,
    deviceWriteBps,
    deviceReadIops,
    deviceWriteIops,
  };
}

/** Returns the request of a command and its options. Nothing is looked up. @throws USAGE */
export function containerRequest(command: readonly string[], options: ContainerOptions): RunInput {
  const { volumes = [], umask } = options;
  const [network, ...networks] = typeof options.network === 'string' ? [options.network] : (options.network ?? []);
  const objects = volumes.filter((volume) => typeof volume !== 'string');
  return {
    command,
    entrypoint: options.entrypoint,
    env: assignments('env', options.env),
    envFiles: options.envFiles ?? [],
    workdir: options.workdir,
    user: textOf(options.user),
    groupAdd: options.groupAdd?.map(String),
    umask: typeof umask === 'number' ? umask.toString(8).padStart(4, '0') : umask,
    init: options.init,
    volumes: volumes.filter((volume) => typeof volume === 'string'),
    mounts: [...objects.map(mountOf), ...(options.mounts ?? [])],
    tmpfs: tmpfsOf(options.tmpfs),
    readOnly: options.readOnly ?? false,
    imageVolume: options.imageVolume,
    shmSize: textOf(options.shmSize),
    network,
    networks: networks.length === 0 ? undefined : networks,
    networkAliases: options.networkAliases,
    publish: options.ports?.map(portOf),
    publishAll: options.publishAll,
    expose: options.expose?.map(String),
    health: options.health,
    hostname: options.hostname,
    names: {
      dns: options.dns,
      dnsSearch: options.dnsSearch,
      dnsOptions: options.dnsOptions,
      addHosts: hostsOf(options.hosts),
    },
    capAdd: options.capAdd ?? [],
    capDrop: options.capDrop ?? [],
    resources: resourcesOf(options),
    ulimits: ulimitsOf(options.ulimits),
    privileged: options.privileged,
    noNewPrivileges: options.noNewPrivileges,
    seccomp: options.seccomp,
    unmask: options.unmask,
    devices: options.devices,
    deviceRules: options.deviceRules,
    isolation: options.isolation,
    timeNamespace: options.timeNamespace,
    userns: options.userns,
    ipc: options.ipc,
    pid: options.pid,
    uts: options.uts,
  };
}

/** Returns the part of the options about a container's life, without its removal and its restarts. @throws USAGE */
export function lifeOf({ name, replace, labels, stopSignal, stopTimeout }: ContainerOptions): LifeRequest {
  if (replace && name === undefined)
    throw new TsimgError('USAGE', 'replace needs a name', { hint: 'set the option name' });
  return { name, replace, labels: assignments('labels', labels), stopSignal, stopTimeout };
}

/** Returns the options for {@link runSource} without `life`, which the caller adds. @throws PLATFORM_INVALID */
export function sourceOptions(options: ContainerOptions): RunSourceOptions {
  // The environment of the container is not the one by which registries are reached.
  const { platform, env: _, ...others } = options;
  return { ...others, platform: typeof platform === 'string' ? parsePlatform(platform) : platform };
}

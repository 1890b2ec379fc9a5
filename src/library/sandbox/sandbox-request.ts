import { join } from 'node:path';
import { parseByteSize } from '../../byte-size.ts';
import { TsimgError } from '../../errors.ts';
import { SCRATCH_FOLDERS, type ScratchBounds } from '../../host/box/scratch.ts';
import type { HostFacts } from '../../launch/facts/host-facts.ts';
import { planLimits } from '../../launch/limits/limits.ts';
import type { ResourceRequest } from '../../launch/limits/resources.ts';
import type { RunInput } from '../../launch/plan/run-request.ts';
import { CONTAINER_NAME } from '../../store-layout.ts';
import type { VolumeMount } from '../options/container-options.ts';
import { containerRequest } from '../options/container-request.ts';
import type { HeldLimits, SandboxOptions } from './sandbox-options.ts';

const MEMORY = '256m';
const CPUS = 1;
const PIDS = 64;
const DISK = '64m';
const DISK_FILES = 16_384;
/** Default milliseconds of a run. */
export const TIME = 30_000;
/** Default bytes of each output. */
export const OUTPUT = 1024 * 1024;

/** Default bytes of a file that is read. */
export const READ_LIMIT = 16 * 1024 * 1024;
/** Default entries of a directory that is listed. */
export const LIST_LIMIT = 10_000;
/** Snapshots of one sandbox at a time: each may be as large as the files. */
export const MOST_SNAPSHOTS = 16;

/** The directory where commands of a sandbox begin. */
export const SANDBOX_HOME = `/${SCRATCH_FOLDERS.home}`;
/** The directories whose files stay from one run to the next. */
export const SCRATCH_TARGETS = Object.values(SCRATCH_FOLDERS).map((name) => `/${name}`);

/** The port of the proxy in a sandbox. */
export const PROXY_PORT = 3128;

/**
 * The IDs of a sandbox that root makes where /etc/subuid names none for root: the end of the range that systemd leaves
 * to containers. No file on a disk gets them.
 */
const OWN_IDS = { start: 1_878_982_656, count: 65_536 };

/** The facts of a host, with subordinate IDs for root. */
export function withOwnIds(facts: HostFacts): HostFacts {
  const { canMount, subordinateUids, subordinateGids } = facts;
  if (!canMount || (subordinateUids.length > 0 && subordinateGids.length > 0)) return facts;
  return { ...facts, subordinateUids: [OWN_IDS], subordinateGids: [OWN_IDS] };
}

function bytesOf(value: number | string, option: string): number {
  const bytes = typeof value === 'number' ? value : parseByteSize(value);
  if (bytes !== undefined && Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new TsimgError('USAGE', 'not a size', { where: `${option}: ${value}`, hint: 'bytes, or a text such as 64m' });
}

/** Checks a count that must be a whole number from 1. @throws USAGE */
function countOf(value: number, option: string): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new TsimgError('USAGE', 'not a limit', { where: `${option}: ${value}`, hint: 'a whole number from 1' });
}

/** The bounds of the files of a sandbox. @throws USAGE */
export function scratchBounds({ disk = DISK, diskFiles = DISK_FILES }: SandboxOptions): ScratchBounds {
  return { bytes: bytesOf(disk, 'disk'), files: countOf(diskFiles, 'diskFiles') };
}

/** Whether a limit can be set by a cgroup of this host. @throws USAGE for no limit at all */
function canHold(request: ResourceRequest, facts: HostFacts): boolean {
  try {
    planLimits({ pidsLimit: '-1', ...request }, facts.cgroups, { id: '0' });
    return true;
  } catch (error) {
    if (error instanceof TsimgError && error.code === 'HOST_UNSUPPORTED') return false;
    throw error;
  }
}

/** The limits of a sandbox, and who holds it to them. */
interface PlannedLimits {
  readonly held: HeldLimits;
  readonly resources: ResourceRequest;
  readonly ulimits: Readonly<Record<string, number>>;
}

function planHeld(options: SandboxOptions, facts: HostFacts): PlannedLimits {
  const memory = bytesOf(options.memory ?? MEMORY, 'memory');
  const pids = countOf(options.pids ?? PIDS, 'pids');
  const resources = {
    memory: { memory: String(memory), memorySwap: String(memory) },
    cpus: { cpus: String(options.cpus ?? CPUS) },
    pids: { pidsLimit: String(pids) },
  };
  const isWeak = (name: keyof typeof resources) => {
    if (canHold(resources[name], facts)) return false;
    if (options.weakLimits) return true;
    throw new TsimgError('HOST_UNSUPPORTED', 'a sandbox cannot be held to a limit', {
      where: name,
      why: 'this user may make no cgroup for it',
      hint: 'run the program as root or below systemd-run --user --scope -p Delegate=yes, or accept `weakLimits`',
    });
  };
  const weak = { memory: isWeak('memory'), cpus: isWeak('cpus'), pids: isWeak('pids') };
  return {
    held: {
      memory: weak.memory ? 'process' : 'cgroup',
      cpus: weak.cpus ? 'none' : 'cgroup',
      pids: weak.pids ? 'user' : 'cgroup',
    },
    resources: {
      ...(!weak.memory && resources.memory),
      ...(!weak.cpus && resources.cpus),
      ...(weak.pids ? { pidsLimit: '-1' } : resources.pids),
    },
    ulimits: {
      core: 0,
      nofile: 1024,
      memlock: 64 * 1024,
      msgqueue: 0,
      ...(weak.memory && { data: memory }),
      ...(weak.pids && { nproc: pids }),
    },
  };
}

/** Mounts are read-only unless their user says otherwise. */
function volumeOf(volume: string | VolumeMount): string | VolumeMount {
  if (typeof volume !== 'string') return { readOnly: true, ...volume };
  const [source = '', target = '', options = ''] = volume.split(':');
  if (/(^|,)(ro|rw)(,|$)/.test(options)) return volume;
  return `${source}:${target}:${options === '' ? 'ro' : `${options},ro`}`;
}

const PROXY_NAMES = ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY'];

/** The variables of every run: of a sandbox with an allow-list, those by which programs find the proxy. */
function environmentOf({ env, network = 'none' }: SandboxOptions): SandboxOptions['env'] {
  const proxy = Object.fromEntries(PROXY_NAMES.map((name) => [name, `http://127.0.0.1:${PROXY_PORT}`]));
  const local = { no_proxy: 'localhost,127.0.0.1', NO_PROXY: 'localhost,127.0.0.1' };
  return { HOME: SANDBOX_HOME, TMPDIR: '/tmp', ...(network === 'none' ? {} : { ...proxy, ...local }), ...env };
}

/** The place of a sandbox's scratch in its container's directory. */
export function scratchOf(directory: string): string {
  return join(directory, CONTAINER_NAME.scratch);
}

/** The request of a sandbox's container, and who holds it to its limits. */
export interface SandboxRequest {
  readonly input: RunInput;
  readonly held: HeldLimits;
}

/** Returns the request of a sandbox: nothing is shared with the host, and nothing can be changed but the scratch. @throws USAGE */
export function sandboxRequest(options: SandboxOptions, facts: HostFacts, directory: string): SandboxRequest {
  const { user, workdir = SANDBOX_HOME, volumes = [] } = options;
  const { held, resources, ulimits } = planHeld(options, facts);
  const scratch = Object.values(SCRATCH_FOLDERS).map((name) => ({
    source: join(scratchOf(directory), name),
    target: `/${name}`,
    readOnly: false,
  }));
  const input = containerRequest(['true'], {
    entrypoint: '',
    env: environmentOf(options),
    user,
    workdir,
    volumes: [...scratch, ...volumes.map(volumeOf)],
    readOnly: true,
    imageVolume: 'ignore',
    shmSize: '16m',
    network: 'none',
    hostname: 'sandbox',
    capDrop: ['ALL'],
    noNewPrivileges: true,
    userns: facts.canMount ? 'auto' : undefined,
    ulimits,
  });
  return { input: { ...input, resources }, held };
}

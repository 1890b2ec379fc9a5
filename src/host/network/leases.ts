import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { PublishedPort } from '../../launch/network/publish.ts';
import type { HostsEntry } from '../../linux/hosts.ts';
import { type Lock, tryLock } from '../../sys/file/lock.ts';

/** A container's place on the bridge: a file. It is valid while the container's tsimg holds a lock on it. */
export interface Lease {
  readonly id: string;
  readonly address: number;
  readonly names: readonly string[];
  readonly ports: readonly PublishedPort[];
  /** Entries for the container's own hosts file only. */
  readonly hosts: readonly HostsEntry[];
  /** Of a container on several networks: the directories of all, that of its hosts file first. */
  readonly all?: readonly string[] | undefined;
  /** The bridge's own address, where the container is on several networks. */
  readonly gateway?: number | undefined;
}

const SUFFIX = '.lease';

function leaseFile(directory: string, id: string): string {
  return join(directory, `${id}${SUFFIX}`);
}

/** Whether a container's lease exists. */
export function hasLease(directory: string, id: string): boolean {
  return existsSync(leaseFile(directory, id));
}

/** Whether any container has a lease, alive or not. */
export function hasLeases(directory: string): boolean {
  return readdirSync(directory).some((name) => name.endsWith(SUFFIX));
}

/** Reads a file of a bridge without its lock: it may be gone, with the bridge or the container, at any moment. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Returns a container's address on the bridge; undefined where it has none. */
export function leaseAddress(directory: string, id: string): number | undefined {
  const text = readIfThere(leaseFile(directory, id));
  // A lease is locked before it is written.
  if (text === undefined || text === '') return undefined;
  const lease: Lease = JSON.parse(text);
  return lease.address;
}

/** The path of the hosts file that is a container's /etc/hosts. */
export function hostsFile(directory: string, id: string): string {
  return join(directory, `${id}.hosts`);
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

export function removeLease(directory: string, id: string): void {
  removeFile(leaseFile(directory, id));
  removeFile(hostsFile(directory, id));
}

/** Returns the leases of live containers and removes the others. The caller holds the bridge's lock. */
export async function sweepLeases(directory: string): Promise<readonly Lease[]> {
  const alive: Lease[] = [];
  for (const name of readdirSync(directory)) {
    if (!name.endsWith(SUFFIX)) continue;
    const path = join(directory, name);
    const lock = await tryLock(path, 'exclusive');
    if (lock === undefined) {
      const lease: Lease = JSON.parse(readFileSync(path, 'utf8'));
      alive.push(lease);
      continue;
    }
    removeLease(directory, name.slice(0, -SUFFIX.length));
    await lock.close();
  }
  return alive;
}

/** Returns all leases, also those of killed containers; none where there is no bridge. The caller holds the lock. */
export function readLeases(directory: string): readonly Lease[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => name.endsWith(SUFFIX))
    .flatMap((name) => {
      const text = readFileSync(join(directory, name), 'utf8');
      // One that was killed after it locked its file, and before it wrote.
      if (text === '') return [];
      const lease: Lease = JSON.parse(text);
      return [lease];
    });
}

/** Changes a lease in its file, which stays locked by the container's tsimg. The caller holds the bridge's lock. */
export function changeLease(directory: string, lease: Lease): void {
  const fd = openSync(leaseFile(directory, lease.id), 'r+');
  try {
    // One write of at least the old length: whoever reads without the lock finds one lease or the other.
    writeSync(fd, JSON.stringify(lease).padEnd(fstatSync(fd).size), 0);
  } finally {
    closeSync(fd);
  }
}

/** Takes a lease, which is valid until its lock is closed or this process ends. The caller holds the bridge's lock. */
export async function takeLease(directory: string, lease: Lease): Promise<Lock> {
  const path = leaseFile(directory, lease.id);
  const lock = await tryLock(path, 'exclusive');
  if (lock === undefined)
    throw new TsimgError('LAUNCH_FAILED', 'a container of this ID is on the bridge', { where: lease.id });
  writeFileSync(path, JSON.stringify(lease));
  return lock;
}

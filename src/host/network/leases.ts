import { existsSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
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
}

const SUFFIX = '.lease';

function leaseFile(directory: string, id: string): string {
  return join(directory, `${id}${SUFFIX}`);
}

/** Whether a container's lease exists. */
export function hasLease(directory: string, id: string): boolean {
  return existsSync(leaseFile(directory, id));
}

/** Returns a container's address on the bridge; undefined where it has none. */
export function leaseAddress(directory: string, id: string): number | undefined {
  if (!hasLease(directory, id)) return undefined;
  const lease: Lease = JSON.parse(readFileSync(leaseFile(directory, id), 'utf8'));
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

/** Takes a lease, which is valid until its lock is closed or this process ends. The caller holds the bridge's lock. */
export async function takeLease(directory: string, lease: Lease): Promise<Lock> {
  const path = leaseFile(directory, lease.id);
  const lock = await tryLock(path, 'exclusive');
  if (lock === undefined)
    throw new TsimgError('LAUNCH_FAILED', 'a container of this ID is on the bridge', { where: lease.id });
  writeFileSync(path, JSON.stringify(lease));
  return lock;
}

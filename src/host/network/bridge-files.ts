import { chmodSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Context } from '../../events.ts';
import type { NamedNetwork } from '../../launch/network/named-network.ts';
import { gatewayOf } from '../../launch/network/subnet.ts';
import { bridgeHosts } from '../../launch/plan/network-files.ts';
import { formatAddress, type Network4 } from '../../linux/ipv4.ts';
import { acquireLock, type Lock } from '../../sys/file/lock.ts';
import { makeDirectories } from '../../sys/file/make-directories.ts';
import { makeRuntimeDirectory } from '../facts/runtime-directory.ts';
import { changeLease, hasLease, hostsFile, type Lease, readIfThere, readLeases } from './leases.ts';

/** Takes the lock of all bridges of the caller. @param directory of one of them @throws FILESYSTEM, BUSY */
export async function lockBridges(directory: string, context?: Context): Promise<Lock> {
  const parent = dirname(directory);
  makeRuntimeDirectory(dirname(parent), process.geteuid?.() ?? 0);
  makeDirectories(parent, 0o700);
  return acquireLock(join(parent, 'lock'), 'exclusive', context);
}

/** The file with the network of the default bridge, which is chosen when the bridge is made. */
export function subnetFile(directory: string): string {
  return join(directory, 'bridge.json');
}

/** Returns the network of the default bridge; undefined while there is no bridge. */
export function bridgeSubnet(directory: string): Network4 | undefined {
  const text = readIfThere(subnetFile(directory));
  if (text === undefined) return undefined;
  const subnet: Network4 = JSON.parse(text);
  return subnet;
}

/** A bridge's directory and network. */
export interface HostsPlace {
  readonly directory: string;
  readonly subnet: Network4;
}

/**
 * Writes the hosts files of all containers of a bridge. They are changed in place, for the containers have the files
 * mounted. That of a container on several networks is in the directory of the first one.
 */
export function writeHosts({ directory, subnet }: HostsPlace, leases: readonly Lease[]): void {
  for (const lease of leases) {
    const [home = directory, ...others] = lease.all ?? [];
    const own = home === directory ? lease : readLeases(home).find(({ id }) => id === lease.id);
    // The first network comes first and goes last: a container without a place there has ended.
    if (own === undefined) continue;
    const peers = [home, ...others]
      .flatMap((each) => (each === directory ? leases : readLeases(each)))
      .map(({ address, names }) => ({ address: formatAddress(address), names }));
    const text = bridgeHosts(formatAddress(own.gateway ?? gatewayOf(subnet)), peers, own.hosts);
    const path = hostsFile(home, lease.id);
    writeFileSync(path, text);
    // All users of the container may read it, whatever the caller's umask is.
    chmodSync(path, 0o644);
  }
}

/** A container's place on a bridge, by its plan. */
export interface PlaceOnBridge {
  readonly id: string;
  readonly directory: string;
  readonly named?: NamedNetwork | undefined;
}

/**
 * Gives a container that is on a bridge other names, for all containers there at once. Does nothing for one that is not
 * there now. @param namesNow is asked under the bridge's lock: of several renames, the last one holds
 */
export async function renameOnBridge(
  { id, directory, named }: PlaceOnBridge,
  namesNow: () => readonly string[] | undefined,
  context: Context,
): Promise<void> {
  if (!hasLease(directory, id)) return;
  await using _ = await lockBridges(directory, context);
  if (!hasLease(directory, id)) return;
  const names = namesNow();
  const subnet = named?.subnet ?? bridgeSubnet(directory);
  if (names === undefined || subnet === undefined) return;
  const leases = readLeases(directory).map((lease) => (lease.id === id ? { ...lease, names } : lease));
  for (const lease of leases) if (lease.id === id) changeLease(directory, lease);
  writeHosts({ directory, subnet }, leases);
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TsimgError } from '../../errors.ts';
import { recordNetworkEvent } from '../../host/state/events-file.ts';
import { listNetworks, NETWORKS_LOCK, networksFolder, readNetwork, writeNetwork } from '../../host/state/networks.ts';
import { checkNetworkName, type NamedNetwork, overlapping, parseSubnet } from '../../launch/network/named-network.ts';
import { chooseSubnet, FIRST_NAMED } from '../../launch/network/subnet.ts';
import { parseLabels } from '../../launch/options/labels.ts';
import { parseRoutes } from '../../linux/ipv4.ts';
import { acquireLock, type Lock } from '../../sys/file/lock.ts';
import { makeDirectories } from '../../sys/file/make-directories.ts';
import { randomHex } from '../../sys/random.ts';
import type { ContainersContext } from '../places.ts';

/** Options of `createNetwork`. */
export interface CreateNetworkOptions {
  /** Its ID, 64 hexadecimal digits, where the caller has to know it before. */
  readonly id?: string | undefined;
  /** `--subnet`: `10.20.30.0/24`; a free one is chosen when absent. */
  readonly subnet?: string | undefined;
  /** `--internal`: containers reach nothing but each other and the host. */
  readonly internal?: boolean | undefined;
  /** `--label NAME=value`, or `NAME`. */
  readonly labels?: readonly string[] | undefined;
  /** `--ignore`: a network that has the name is left as it is, and returned. */
  readonly ignore?: boolean | undefined;
}

/** Takes the lock of a store's networks. @throws BUSY, FILESYSTEM, an AbortError */
export async function lockNetworks({ stateRoot, ...context }: ContainersContext): Promise<Lock> {
  const folder = networksFolder(stateRoot);
  makeDirectories(folder, 0o700);
  return acquireLock(join(folder, NETWORKS_LOCK), 'exclusive', context);
}

/**
 * Makes a network of containers, which find each other by their names there. Only its record is made: its bridge exists
 * while a container is on it.
 * @throws USAGE, NETWORK_EXISTS; HOST_UNSUPPORTED where no subnet is free; STORE_INVALID
 */
export async function createNetwork(
  name: string,
  { id = randomHex(32), subnet: wanted, internal = false, labels = [], ignore = false }: CreateNetworkOptions,
  context: ContainersContext,
): Promise<NamedNetwork> {
  checkNetworkName(name);
  const given = wanted === undefined ? undefined : parseSubnet(wanted);
  const parsedLabels = parseLabels(labels);
  const folder = networksFolder(context.stateRoot);
  await using _ = await lockNetworks(context);
  const existing = readNetwork(folder, name);
  if (existing !== undefined && ignore) return existing;
  if (existing !== undefined) {
    throw new TsimgError('NETWORK_EXISTS', 'the name of the network is taken', {
      where: name,
      hint: 'choose another name, remove the network (tsimg network rm), or leave it as it is with --ignore',
    });
  }
  const others = listNetworks(folder, ({ message }) => context.onEvent?.({ kind: 'warning', message }));
  if (given !== undefined) {
    const error = overlapping(given, others);
    if (error !== undefined) throw error;
  }
  const routes = parseRoutes(readFileSync('/proc/self/net/route', 'latin1'));
  const subnet = given ?? chooseSubnet([...routes, ...others.map((each) => each.subnet)], FIRST_NAMED);
  const created = new Date().toISOString();
  const network = { id, name, created, subnet, internal, labels: parsedLabels };
  writeNetwork(folder, network);
  recordNetworkEvent(context.stateRoot, network, 'create');
  return network;
}

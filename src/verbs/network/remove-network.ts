import { TsimgError } from '../../errors.ts';
import { probeHost } from '../../host/facts/probe.ts';
import { sweepNetwork } from '../../host/life/sweep-killed.ts';
import { recordNetworkEvent } from '../../host/state/events-file.ts';
import { networksFolder, readNetwork, removeNetworkRecord } from '../../host/state/networks.ts';
import type { NamedNetwork } from '../../launch/network/named-network.ts';
import type { ContainersContext } from '../places.ts';
import { lockNetworks } from './create-network.ts';
import { findNetwork } from './find-network.ts';
import { containersOf, listOfNetworks } from './list-networks.ts';

/** Removes the record of a network of which nothing else is left. */
function forget(network: NamedNetwork, { stateRoot }: ContainersContext): void {
  removeNetworkRecord(networksFolder(stateRoot), network.name);
  recordNetworkEvent(stateRoot, network, 'destroy');
}

async function removeUnused(network: NamedNetwork, context: ContainersContext): Promise<void> {
  const users = (await containersOf(network, context)).filter(({ alive }) => alive);
  if (users.length > 0) {
    throw new TsimgError('NETWORK_IN_USE', 'containers are on the network', {
      where: network.name,
      why: users.map(({ record }) => record.name).join(', '),
      hint: 'stop them first: tsimg stop, or tsimg rm --force',
    });
  }
  await sweepNetwork(network, probeHost());
  forget(network, context);
}

/**
 * Removes a network, with what killed containers left of its bridge. Ended containers of it are kept, and start again
 * only where there is a network of this name.
 * @param force whether a network that does not exist is no error
 * @throws NETWORK_NOT_FOUND; NETWORK_IN_USE while a container is on it
 */
export async function removeNetwork(
  wanted: string,
  { force = false }: { readonly force?: boolean | undefined },
  context: ContainersContext,
): Promise<void> {
  await using _ = await lockNetworks(context);
  try {
    await removeUnused(findNetwork(context.stateRoot, wanted), context);
  } catch (error) {
    if (force && error instanceof TsimgError && error.code === 'NETWORK_NOT_FOUND') return;
    // A record that cannot be read names no bridge: nothing else is left of it.
    if (!(error instanceof TsimgError) || error.code !== 'STORE_INVALID') throw error;
    removeNetworkRecord(networksFolder(context.stateRoot), wanted);
  }
}

/** Removes the wanted networks without a container, running or ended. Returns them. */
export async function pruneNetworks(
  context: ContainersContext,
  isWanted: (network: NamedNetwork) => boolean = () => true,
): Promise<readonly NamedNetwork[]> {
  await using _ = await lockNetworks(context);
  const facts = probeHost();
  const removed: NamedNetwork[] = [];
  for (const network of listOfNetworks(context).filter(isWanted)) {
    if ((await containersOf(network, context)).length > 0) continue;
    if (readNetwork(networksFolder(context.stateRoot), network.name) === undefined) continue;
    await sweepNetwork(network, facts);
    forget(network, context);
    removed.push(network);
  }
  return removed;
}

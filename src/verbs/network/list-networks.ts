import { containersFolder, type FoundContainer } from '../../host/state/container.ts';
import { listContainers } from '../../host/state/find-container.ts';
import { listNetworks, networksFolder } from '../../host/state/networks.ts';
import type { NamedNetwork } from '../../launch/network/named-network.ts';
import { bridgesOf } from '../../launch/network/several-networks.ts';
import type { ContainersContext } from '../places.ts';

/** Returns the containers of a store that were made for a network, running ones and others. */
export async function containersOf(
  { id, name }: NamedNetwork,
  { stateRoot, onEvent }: ContainersContext,
): Promise<readonly FoundContainer[]> {
  const warn = ({ message }: { readonly message: string }) => onEvent?.({ kind: 'warning', message });
  const containers = await listContainers(containersFolder(stateRoot), warn);
  return containers.filter(({ alive, record: { plan, request } }) => {
    const isPlanned = bridgesOf(plan.network).some(({ named }) => named?.id === id);
    // An ended container looks for its networks by their names when it is started again.
    const isNamed = request.network === name || request.networks?.includes(name) === true;
    return isPlanned || (isNamed && !alive);
  });
}

/** Lists the networks of a store, by name. A record that cannot be read is a warning. @throws FILESYSTEM */
export function listOfNetworks({ stateRoot, onEvent }: ContainersContext): readonly NamedNetwork[] {
  return listNetworks(networksFolder(stateRoot), ({ message }) => onEvent?.({ kind: 'warning', message }));
}

import { TsimgError } from '../../errors.ts';
import { listNetworks, networksFolder, readNetwork } from '../../host/state/networks.ts';
import { isNetworkName, type NamedNetwork } from '../../launch/network/named-network.ts';
import type { RunRequest } from '../../launch/plan/run-request.ts';

/**
 * Finds a network by its name, or by its ID or at least 4 of its first digits.
 * @throws NETWORK_NOT_FOUND, STORE_INVALID
 */
export function findNetwork(stateRoot: string, wanted: string): NamedNetwork {
  const folder = networksFolder(stateRoot);
  const named = readNetwork(folder, wanted);
  if (named !== undefined) return named;
  const isId = /^[0-9a-f]{4,64}$/.test(wanted);
  const found = isId ? listNetworks(folder, () => {}).filter(({ id }) => id.startsWith(wanted)) : [];
  const [only, ...others] = found;
  if (only !== undefined && others.length === 0) return only;
  throw new TsimgError('NETWORK_NOT_FOUND', 'no such network', {
    where: wanted,
    why: only === undefined ? undefined : `${found.length} networks have an ID that begins so`,
    hint: 'tsimg network ls lists them; tsimg network create makes one',
  });
}

/**
 * Finds the network that a request names; undefined where it names a kind of network.
 * @throws NETWORK_NOT_FOUND, STORE_INVALID
 */
export function requestedNetwork(
  stateRoot: string,
  { network }: Pick<RunRequest, 'network'>,
): NamedNetwork | undefined {
  return network !== undefined && isNetworkName(network) ? findNetwork(stateRoot, network) : undefined;
}

/**
 * Finds the further networks that a request names.
 * @throws USAGE for what is no network that was made; NETWORK_NOT_FOUND, STORE_INVALID
 */
export function furtherNetworks(
  stateRoot: string,
  { networks = [] }: Pick<RunRequest, 'networks'>,
): readonly NamedNetwork[] {
  return networks.map((name) => {
    if (isNetworkName(name)) return findNetwork(stateRoot, name);
    throw new TsimgError('USAGE', 'not a further network', {
      where: `--network ${name}`,
      hint: 'further ones are those of tsimg network create; write bridge first',
    });
  });
}

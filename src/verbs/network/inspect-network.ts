import { hardwareAddress } from '../../host/network/bridge-device.ts';
import { leaseAddress } from '../../host/network/leases.ts';
import { bridgesOf } from '../../launch/network/several-networks.ts';
import { gatewayOf } from '../../launch/network/subnet.ts';
import { formatAddress, formatNetwork } from '../../linux/ipv4.ts';
import type { ContainersContext } from '../places.ts';
import { findNetwork } from './find-network.ts';
import { containersOf } from './list-networks.ts';

/** A network under the keys of docker network inspect. */
export interface InspectedNetwork {
  readonly Name: string;
  readonly Id: string;
  readonly Created: string;
  readonly Scope: 'local';
  readonly Driver: 'bridge';
  readonly EnableIPv6: false;
  readonly IPAM: {
    readonly Driver: 'default';
    readonly Config: readonly { readonly Subnet: string; readonly Gateway: string }[];
  };
  readonly Internal: boolean;
  /** The running containers, by their IDs. */
  readonly Containers: Readonly<
    Record<string, { readonly Name: string; readonly MacAddress: string; readonly IPv4Address: string }>
  >;
  readonly Labels: Readonly<Record<string, string>>;
}

/** Inspects a network, with its running containers. @throws NETWORK_NOT_FOUND, STORE_INVALID, FILESYSTEM */
export async function inspectNetwork(wanted: string, context: ContainersContext): Promise<InspectedNetwork> {
  const network = findNetwork(context.stateRoot, wanted);
  const { id, name, created, subnet, internal, labels } = network;
  const running = (await containersOf(network, context)).filter(({ state }) => state.status === 'running');
  const containers = running.flatMap(({ record }) => {
    const own = bridgesOf(record.plan.network).find(({ named }) => named?.id === id);
    const address = own && leaseAddress(own.directory, record.id);
    if (address === undefined) return [];
    const IPv4Address = `${formatAddress(address)}/${subnet.bits}`;
    return [[record.id, { Name: record.name, MacAddress: hardwareAddress(address), IPv4Address }] as const];
  });
  return {
    Name: name,
    Id: id,
    Created: created,
    Scope: 'local',
    Driver: 'bridge',
    EnableIPv6: false,
    IPAM: {
      Driver: 'default',
      Config: [{ Subnet: formatNetwork(subnet), Gateway: formatAddress(gatewayOf(subnet)) }],
    },
    Internal: internal,
    Containers: Object.fromEntries(containers),
    Labels: labels,
  };
}

import { hardwareAddress } from '../../host/network/bridge-device.ts';
import { bridgeSubnet } from '../../host/network/bridge-files.ts';
import { leaseAddress } from '../../host/network/leases.ts';
import type { FoundContainer } from '../../host/state/container.ts';
import type { LaunchPlan } from '../../launch/launch-plan.ts';
import type { BridgePlan } from '../../launch/network/network-plan.ts';
import { bridgesOf } from '../../launch/network/several-networks.ts';
import { gatewayOf } from '../../launch/network/subnet.ts';
import { formatAddress } from '../../linux/ipv4.ts';

/** A container's place on a network, under docker's keys; '' and 0 while the container has no address there. */
export interface InspectedEndpoint {
  /** `--network-alias` */
  readonly Aliases: readonly string[];
  /** All names by which the other containers of the network find it. */
  readonly DNSNames: readonly string[];
  readonly IPAddress: string;
  /** Bits of the network. */
  readonly IPPrefixLen: number;
  /** The bridge's own address: the way out of the network; '' on an internal one. */
  readonly Gateway: string;
  readonly MacAddress: string;
  /** Always '' and 0: a bridge has no IPv6. */
  readonly GlobalIPv6Address: string;
  readonly GlobalIPv6PrefixLen: number;
  readonly IPv6Gateway: string;
  /** '' for a network that nobody made. */
  readonly NetworkID: string;
}

const NOWHERE: InspectedEndpoint = {
  Aliases: [],
  DNSNames: [],
  IPAddress: '',
  IPPrefixLen: 0,
  Gateway: '',
  MacAddress: '',
  GlobalIPv6Address: '',
  GlobalIPv6PrefixLen: 0,
  IPv6Gateway: '',
  NetworkID: '',
};

/** An endpoint on a bridge, with the address of a running container. */
function onBridge(
  { directory, id, names, named }: BridgePlan,
  aliases: readonly string[],
  isRunning: boolean,
): InspectedEndpoint {
  const known = { ...NOWHERE, Aliases: aliases, DNSNames: names, NetworkID: named?.id ?? '' };
  const address = isRunning ? leaseAddress(directory, id) : undefined;
  const subnet = named?.subnet ?? bridgeSubnet(directory);
  if (address === undefined || subnet === undefined) return known;
  return {
    ...known,
    IPAddress: formatAddress(address),
    IPPrefixLen: subnet.bits,
    Gateway: named?.internal ? '' : formatAddress(gatewayOf(subnet)),
    MacAddress: hardwareAddress(address),
  };
}

/** A network of a container in a list. */
export interface ListedNetwork {
  readonly name: string;
  /** 64 hexadecimal digits; undefined for a network that nobody made, such as `bridge` or `none`. */
  readonly id: string | undefined;
}

/** Returns the networks of a container by its plan, the first one first; none in another container's network. */
export function listedNetworks({ network }: Pick<LaunchPlan, 'network'>): readonly ListedNetwork[] {
  if (network.kind === 'join') return [];
  if (network.kind !== 'bridge') return [{ name: network.kind, id: undefined }];
  return bridgesOf(network).map(({ named }) => ({ name: named?.name ?? 'bridge', id: named?.id }));
}

/**
 * Returns the networks of a container with their names, the first one first; none where it is in another container's
 * network.
 */
export function networksOf({
  record: { plan, request },
  state,
}: FoundContainer): readonly (readonly [name: string, InspectedEndpoint])[] {
  const { network } = plan;
  if (network.kind !== 'bridge') return listedNetworks(plan).map(({ name }) => [name, NOWHERE]);
  return bridgesOf(network).map((bridge) => {
    const endpoint = onBridge(bridge, request.networkAliases ?? [], state.status === 'running');
    return [bridge.named?.name ?? 'bridge', endpoint];
  });
}

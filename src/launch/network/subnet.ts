import { TsimgError } from '../../errors.ts';
import { type Network4, overlaps } from '../../linux/ipv4.ts';

/** The first of our networks, 10.209.0.0/24: private addresses (RFC 1918) that neither docker nor podman uses. */
const FIRST = ((10 << 24) | (209 << 16)) >>> 0;
const BITS = 24;
const CANDIDATES = 256;

/** The number of the first candidate that `network create` tries: those before it are for the default bridge. */
export const FIRST_NAMED = 64;

/**
 * Returns the first of our networks that overlaps none of the host's routes.
 * @param first the number of the candidate to begin at
 * @throws HOST_UNSUPPORTED
 */
export function chooseSubnet(routes: readonly Network4[], first = 0): Network4 {
  for (let index = first; index < CANDIDATES; index += 1) {
    const network = { address: FIRST + index * 256, bits: BITS };
    if (!routes.some((route) => overlaps(route, network))) return network;
  }
  throw new TsimgError('HOST_UNSUPPORTED', 'no private network is free for containers', {
    why: `routes or other networks take all of 10.209.${first}.0 to 10.209.255.255`,
    hint: 'tsimg network create --subnet takes another one; containers can have --network none, host or container:NAME',
  });
}

/** Returns the bridge's own address: the first in its network. */
export function gatewayOf({ address }: Network4): number {
  return address + 1;
}

/** Returns the lowest free address for a container. @throws LIMIT_EXCEEDED */
export function chooseAddress(network: Network4, taken: readonly number[]): number {
  const used = new Set(taken);
  const last = network.address + 2 ** (32 - network.bits) - 2;
  for (let address = gatewayOf(network) + 1; address <= last; address += 1) {
    if (!used.has(address)) return address;
  }
  throw new TsimgError('LIMIT_EXCEEDED', 'all addresses of the bridge are taken', {
    facts: { containers: used.size },
    hint: 'stop a container, or use --network none or host',
  });
}

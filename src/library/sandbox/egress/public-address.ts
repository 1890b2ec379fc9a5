import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

// Addresses that are not the public internet's: of this machine, of private networks, of links, of clouds' metadata.
// IANA's special-purpose registries (RFC 6890).

const V4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
];
/** What IANA has given out for the public internet. All else is private, local, or reserved for what is to come. */
const V6_GLOBAL = ['2000::/3'];
/** Teredo and others, documentation, 6to4. */
const V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

type Family = 'ipv4' | 'ipv6';

function listOf(networks: readonly string[], family: Family): BlockList {
  const list = new BlockList();
  for (const text of networks) {
    const [network = '', bits = ''] = text.split('/');
    list.addSubnet(network, Number(bits), family);
  }
  return list;
}

/** A list for each family: Node finds every IPv4 address in the network of the mapped ones. */
const SPECIAL: Readonly<Record<Family, BlockList>> = { ipv4: listOf(V4, 'ipv4'), ipv6: listOf(V6, 'ipv6') };

const GLOBAL = listOf(V6_GLOBAL, 'ipv6');

/** Whether an address belongs to the public internet. */
export function isPublicAddress(address: string): boolean {
  const version = isIP(address);
  // An address with a zone is one of a link.
  if (version === 0 || address.includes('%')) return false;
  if (version === 4) return !SPECIAL.ipv4.check(address, 'ipv4');
  return GLOBAL.check(address, 'ipv6') && !SPECIAL.ipv6.check(address, 'ipv6');
}

/** Whether an interface of this machine has the address: what is sent there comes from within, past its firewall. */
export function isOwnAddress(address: string): boolean {
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  const own = new BlockList();
  for (const each of Object.values(networkInterfaces()).flatMap((list) => list ?? [])) {
    own.addAddress(each.address, each.family === 'IPv6' ? 'ipv6' : 'ipv4');
  }
  return own.check(address, family);
}

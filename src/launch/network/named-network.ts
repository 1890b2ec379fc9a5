import { TsimgError } from '../../errors.ts';
import { formatNetwork, type Network4, overlaps, parseAddress } from '../../linux/ipv4.ts';
import { type BridgeRules, DEFAULT_RULES } from './firewall.ts';

/** A network of containers that a user made: `network create`. */
export interface NamedNetwork {
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  /** RFC 3339. */
  readonly created: string;
  readonly subnet: Network4;
  /** Whether its containers reach nothing but each other and the host. */
  readonly internal: boolean;
  readonly labels: Readonly<Record<string, string>>;
}

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/;
/** Words of `--network` that name no network of a user. */
const RESERVED: ReadonlySet<string> = new Set(
  'none host bridge pasta slirp4netns container ns default private'.split(' '),
);

/** Whether a text of `--network` can be the name of a network that a user made. */
export function isNetworkName(text: string): boolean {
  return NAME.test(text) && !RESERVED.has(text);
}

/** Checks the name of a new network. @throws USAGE */
export function checkNetworkName(name: string): string {
  if (isNetworkName(name)) return name;
  throw new TsimgError('USAGE', 'not a name of a network', {
    where: name,
    why: RESERVED.has(name) ? 'it is a network that tsimg has already' : undefined,
    hint: 'letters, digits, underscores, periods and hyphens, at most 128, a letter or digit first',
  });
}

/** The networks that `--subnet` takes: the private ones of RFC 1918, and the shared one of RFC 6598. */
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10'];

function parseNetwork(text: string): Network4 | undefined {
  const [, addressText = '', bitsText = ''] = /^([0-9.]+)\/([0-9]{1,2})$/.exec(text) ?? [];
  const address = parseAddress(addressText);
  const bits = Number(bitsText);
  return address === undefined || bitsText === '' || bits > 32 ? undefined : { address, bits };
}

/** Parses `--subnet 10.20.0.0/24`. @throws USAGE */
export function parseSubnet(text: string): Network4 {
  const fail = (why: string) =>
    new TsimgError('USAGE', 'not a subnet', { where: `--subnet ${text}`, why, hint: 'such as 10.20.30.0/24' });
  const network = parseNetwork(text);
  if (network === undefined) throw fail('it must be ADDRESS/BITS, of IPv4');
  if (network.bits < 16 || network.bits > 29) throw fail('it must have from 16 to 29 bits');
  if (network.address % 2 ** (32 - network.bits) !== 0) throw fail('the address is not the first one of the network');
  const isPrivate = PRIVATE.map(parseNetwork).some((each) => each !== undefined && overlaps(each, network));
  if (!isPrivate) throw fail(`it must be in ${PRIVATE.join(', ')}: addresses of others would not be reached`);
  return network;
}

/** Returns the bridge of a network, and the names of its rules. @param named undefined for the default network */
export function rulesOf(named: Pick<NamedNetwork, 'id' | 'internal'> | undefined): BridgeRules {
  if (named === undefined) return DEFAULT_RULES;
  const suffix = named.id.slice(0, 8);
  return { bridge: `tsimgn-${suffix}`, suffix, internal: named.internal };
}

/** Returns the error for a network whose subnet overlaps another one's; undefined where none does. */
export function overlapping(subnet: Network4, others: readonly NamedNetwork[]): TsimgError | undefined {
  const other = others.find((each) => overlaps(each.subnet, subnet));
  if (other === undefined) return undefined;
  return new TsimgError('USAGE', 'the subnet overlaps another network', {
    where: `--subnet ${formatNetwork(subnet)}`,
    why: `${other.name} has ${formatNetwork(other.subnet)}`,
    hint: 'choose another one, or leave out --subnet',
  });
}

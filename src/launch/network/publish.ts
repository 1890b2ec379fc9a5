import { TsimgError } from '../../errors.ts';
import { parseAddress } from '../../linux/ipv4.ts';

/** A port of the host that leads to one of the container. */
export interface PublishedPort {
  /** IPv4 or IPv6; undefined for every IPv4 address of the host. */
  readonly hostAddress?: string | undefined;
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: 'tcp' | 'udp';
}

/** A port in a request. The port of the host may be left to the start, which chooses a free one. */
export interface WantedPort extends PublishedPort {
  /** 0 for any free port. */
  readonly hostPort: number;
  /** The last port of a range, of which `hostPort` is the first: a free one of them is chosen. */
  readonly lastHostPort?: number | undefined;
}

/** The most ports in one range: each has its own rules and its own socket. */
const MAX_RANGE = 1024;

interface PortRange {
  readonly first: number;
  readonly last: number;
}

const ANY_PORT: PortRange = { first: 0, last: 0 };
const PORTS = `ports are numbers from 1 to 65535, and a range has at most ${MAX_RANGE}`;
const PROTOCOLS = 'the protocol must be tcp or udp';

/** Whether the port of the host is chosen at the start. */
export function isChosen({ hostPort, lastHostPort }: WantedPort): boolean {
  return hostPort === 0 || lastHostPort !== undefined;
}

/** Whether an address of `PublishedPort` is of IPv6. */
export function isIpv6(address: string | undefined): address is string {
  return address?.includes(':') === true;
}

/** Formats the port of the host, or the range of which one is chosen: `8080`, `8080-8090`. */
export function formatPorts({ hostPort, lastHostPort }: WantedPort): string {
  return lastHostPort === undefined ? String(hostPort) : `${hostPort}-${lastHostPort}`;
}

/** Formats an address and port of the host as docker does: `0.0.0.0:8080`, `[::1]:8080`. */
export function formatHostPort(port: WantedPort): string {
  const { hostAddress = '0.0.0.0' } = port;
  return `${isIpv6(hostAddress) ? `[${hostAddress}]` : hostAddress}:${formatPorts(port)}`;
}

function parseRange(text: string): PortRange | undefined {
  const [, firstText, lastText] = /^([0-9]{1,5})(?:-([0-9]{1,5}))?$/.exec(text) ?? [];
  const first = Number(firstText);
  const last = lastText === undefined ? first : Number(lastText);
  return first >= 1 && last >= first && last <= 65_535 && last - first < MAX_RANGE ? { first, last } : undefined;
}

/** Returns the shortest spelling of an IPv6 address; undefined for other texts. RFC 5952 */
function canonicalIpv6(text: string): string | undefined {
  const { hostname } = URL.canParse(`http://[${text}]/`) ? new URL(`http://[${text}]/`) : { hostname: '' };
  return hostname.startsWith('[') ? hostname.slice(1, -1) : undefined;
}

/**
 * Parses docker's `-p [[ADDRESS:][HOSTPORT]:]CONTAINERPORT[/tcp|udp]`, with ranges. A port of the host that is absent
 * or 0 is any free one. A range of the host for one port of the container stands for a free one of the range; otherwise
 * the ranges have equal length. An IPv6 address is in brackets.
 * @param option the name of the option in an error
 * @throws USAGE
 */
export function parsePublish(text: string, option = '-p'): readonly WantedPort[] {
  const fail = (why: string) =>
    new TsimgError('USAGE', 'not a port to publish', {
      where: `${option} ${text}`,
      why,
      hint: 'write [[ADDRESS:][HOSTPORT]:]CONTAINERPORT, with /udp after it for UDP',
    });
  const [ports = '', protocol = 'tcp', ...rest] = text.split('/');
  if (rest.length > 0 || (protocol !== 'tcp' && protocol !== 'udp')) throw fail(PROTOCOLS);
  const [, ipv6, others = ports] = /^\[([^\]]*)\]:(.*)$/.exec(ports) ?? [];
  const fields = others.split(':');
  const container = parseRange(fields.pop() ?? '');
  const hostText = fields.pop() ?? '';
  const host = hostText === '' || hostText === '0' ? ANY_PORT : parseRange(hostText);
  if (container === undefined || host === undefined || fields.length > (ipv6 === undefined ? 1 : 0)) throw fail(PORTS);
  const address = ipv6 === undefined ? fields[0] : canonicalIpv6(ipv6);
  const isAddress =
    ipv6 === undefined ? address === undefined || address === '' || parseAddress(address) !== undefined : address;
  if (!isAddress) throw fail('the address must be one of IPv4, or one of IPv6 in brackets');
  const given = address === undefined || address === '' || address === '0.0.0.0' ? {} : { hostAddress: address };
  const count = container.last - container.first + 1;
  if (count === 1 && host.last > host.first)
    return [{ ...given, hostPort: host.first, lastHostPort: host.last, containerPort: container.first, protocol }];
  if (host !== ANY_PORT && host.last - host.first + 1 !== count) throw fail('the ranges have different lengths');
  return Array.from({ length: count }, (_, index) => ({
    ...given,
    hostPort: host === ANY_PORT ? 0 : host.first + index,
    containerPort: container.first + index,
    protocol,
  }));
}

/** Parses an exposed port of an image or of `--expose`: `80`, `80/tcp`, `80-82/udp`. @throws USAGE */
function parseExposed(text: string): readonly Pick<WantedPort, 'containerPort' | 'protocol'>[] {
  const [ports = '', protocol = 'tcp', ...rest] = text.split('/');
  const range = parseRange(ports);
  const isProtocol = protocol === 'tcp' || protocol === 'udp';
  if (range === undefined || !isProtocol || rest.length > 0) {
    throw new TsimgError('USAGE', 'an exposed port cannot be published', {
      where: text,
      why: range === undefined ? PORTS : PROTOCOLS,
      hint: 'publish the ports that you need with -p instead of -P',
    });
  }
  const count = range.last - range.first + 1;
  return Array.from({ length: count }, (_, index) => ({ containerPort: range.first + index, protocol }));
}

/** The ports of a request: those of `-p`, and with `-P` each exposed one that is not among them. */
export interface PortRequest {
  /** `-p` */
  readonly publish?: readonly string[] | undefined;
  /** `-P` */
  readonly publishAll?: boolean | undefined;
  /** `--expose` */
  readonly expose?: readonly string[] | undefined;
}

/** Returns all ports that a request publishes. @param exposed those of the image @throws USAGE */
export function wantedPorts(request: PortRequest, exposed: readonly string[]): readonly WantedPort[] {
  // As with docker, a port that is published twice in the same way is published once.
  const texts = new Set(request.publish ?? []);
  const ports = [...texts].flatMap((text) => parsePublish(text));
  // They are checked also where they are not published.
  const further = (request.expose ?? []).flatMap(parseExposed);
  if (!request.publishAll) return ports;
  const names = new Set(ports.map(({ containerPort, protocol }) => `${containerPort}/${protocol}`));
  for (const { containerPort, protocol } of [...exposed.flatMap(parseExposed), ...further]) {
    const name = `${containerPort}/${protocol}`;
    if (!names.has(name)) ports.push({ hostPort: 0, containerPort, protocol });
    names.add(name);
  }
  return ports;
}

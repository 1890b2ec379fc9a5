import { TsimgError } from '../../errors.ts';
import { parseAddress } from '../../linux/ipv4.ts';

/** A port of the host that leads to one of the container. */
export interface PublishedPort {
  /** IPv4; undefined for every address of the host. */
  readonly hostAddress?: string | undefined;
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: 'tcp' | 'udp';
}

/** The most ports in one range: each has its own rules and its own socket. */
const MAX_RANGE = 1024;

interface PortRange {
  readonly first: number;
  readonly last: number;
}

function parseRange(text: string): PortRange | undefined {
  const [, firstText, lastText] = /^([0-9]{1,5})(?:-([0-9]{1,5}))?$/.exec(text) ?? [];
  const first = Number(firstText);
  const last = lastText === undefined ? first : Number(lastText);
  return first >= 1 && last >= first && last <= 65_535 && last - first < MAX_RANGE ? { first, last } : undefined;
}

/** Parses docker's `-p [ADDRESS:]HOSTPORT:CONTAINERPORT[/tcp|udp]`, with ranges of equal length. @throws USAGE */
export function parsePublish(text: string): readonly PublishedPort[] {
  const fail = (why: string) =>
    new TsimgError('USAGE', 'not a port to publish', {
      where: `-p ${text}`,
      why,
      hint: 'write HOSTPORT:CONTAINERPORT, with ADDRESS: before it or /udp after it',
    });
  const [ports = '', protocol = 'tcp', ...rest] = text.split('/');
  if (rest.length > 0 || (protocol !== 'tcp' && protocol !== 'udp')) throw fail('the protocol must be tcp or udp');
  if (ports.includes('[')) throw fail('addresses of IPv6 cannot be published on');
  const fields = ports.split(':');
  const container = parseRange(fields.pop() ?? '');
  const host = parseRange(fields.pop() ?? '');
  if (container === undefined || host === undefined || fields.length > 1)
    throw fail('ports are numbers from 1 to 65535');
  if (container.last - container.first !== host.last - host.first) throw fail('the ranges have different lengths');
  const [hostAddress] = fields;
  if (hostAddress !== undefined && hostAddress !== '' && parseAddress(hostAddress) === undefined) {
    throw fail('the address must be one of IPv4');
  }
  const given = hostAddress === undefined || hostAddress === '' || hostAddress === '0.0.0.0' ? {} : { hostAddress };
  return Array.from({ length: host.last - host.first + 1 }, (_, index) => ({
    ...given,
    hostPort: host.first + index,
    containerPort: container.first + index,
    protocol,
  }));
}

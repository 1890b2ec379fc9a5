import { isIP } from 'node:net';
import { TsimgError } from '../../../errors.ts';

/** An entry of an allow-list. */
interface Entry {
  readonly kind: 'name' | 'below' | 'address';
  /** In lower case; without `*.`. */
  readonly host: string;
  readonly ports: ReadonlySet<number>;
}

/** The names and addresses that a sandbox may reach. */
export interface AllowList {
  /** Whether a host of a request, a name or an address, is listed for a port. */
  hasHost(host: string, port: number): boolean;
  /** Whether an address itself is listed for a port. */
  hasAddress(address: string, port: number): boolean;
}

const DEFAULT_PORTS = [80, 443];
const NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;
const MOST = 1000;

function bad(text: string, why: string): TsimgError {
  return new TsimgError('USAGE', 'not a host that can be allowed', {
    where: text,
    why,
    hint: 'NAME, *.NAME or an address, with or without :PORT; an IPv6 address with a port has brackets',
  });
}

/** The host of a URL or a request, in one spelling: lower case, no final dot, no brackets, an IPv6 address as in URLs. */
export function plainHost(host: string): string {
  const plain = host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
  // With a zone, it is no host of a URL
  return isIP(plain) === 6 && !plain.includes('%') ? new URL(`http://[${plain}]/`).hostname.slice(1, -1) : plain;
}

/** Parses a port. Undefined where it is none. */
export function parsePort(text: string): number | undefined {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}

function parseEntry(text: string): Entry {
  const [, host = '', portText] =
    isIP(text) === 6 ? [text, text, undefined] : (/^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(text) ?? []);
  const port = portText === undefined ? undefined : parsePort(portText);
  if (portText !== undefined && port === undefined) throw bad(text, 'its port is no port');
  const ports = new Set(port === undefined ? DEFAULT_PORTS : [port]);
  const plain = plainHost(host);
  if (isIP(plain) !== 0) return { kind: 'address', host: plain, ports };
  const name = plain.replace(/^\*\./, '');
  if (!NAME.test(name)) throw bad(text, 'its name is no host name in ASCII');
  // The resolver takes such a name for an address: 127.1, 0x7f000001.
  if (/(^|\.)(0x[0-9a-f]*|[0-9]+)$/.test(name)) throw bad(text, 'it is a short form of an address');
  return { kind: plain.startsWith('*.') ? 'below' : 'name', host: name, ports };
}

/** Parses a list. @throws USAGE */
export function parseAllowList(texts: readonly string[]): AllowList {
  if (texts.length > MOST) throw bad(`${texts.length} entries`, `a list has ${MOST} at most`);
  const entries = texts.map(parseEntry);
  const find = (test: (entry: Entry) => boolean, port: number) =>
    entries.some((entry) => entry.ports.has(port) && test(entry));
  return {
    hasHost(host, port) {
      const plain = plainHost(host);
      return find((entry) => (entry.kind === 'below' ? plain.endsWith(`.${entry.host}`) : plain === entry.host), port);
    },
    hasAddress(address, port) {
      const plain = plainHost(address);
      return find((entry) => entry.kind === 'address' && entry.host === plain, port);
    },
  };
}

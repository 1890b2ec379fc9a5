import { BlockList, isIP } from 'node:net';
import { TsimgError } from '../../errors.ts';
import { isLoopback } from './endpoint.ts';
import { redactUrl } from './redact.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_PORT: ReadonlyMap<string, string> = new Map([
  ['http:', '80'],
  ['https:', '443'],
]);

function inSubnet(host: string, entry: string): boolean {
  const [network = '', bits = ''] = entry.split('/');
  const family = isIP(network);
  if (family === 0 || isIP(host) !== family || !/^\d{1,3}$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128)) {
    return false;
  }
  const type = family === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(network, Number(bits), type);
  return list.check(host, type);
}

/**
 * Whether an entry of NO_PROXY names the host: `*`, a domain with or without a leading dot, an address or a subnet,
 * each with an optional port.
 */
function excludes(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return inSubnet(host, entry);
  const [, name = '', entryPort] = /^(?:\*?\.)?(.*?)(?::(\d+))?$/.exec(isIP(entry) === 6 ? `[${entry}]` : entry) ?? [];
  if (name === '' || (entryPort !== undefined && entryPort !== port)) return false;
  const bare = name.replace(/^\[|\]$/g, '').toLowerCase();
  return host === bare || (isIP(host) === 0 && host.endsWith(`.${bare}`));
}

/**
 * The proxy for a URL, by HTTPS_PROXY, HTTP_PROXY and NO_PROXY (lower case first, as curl and Go read them); undefined
 * for none. Loopback never goes through a proxy.
 * @throws USAGE for a proxy that is neither http nor https
 */
export function proxyFor(url: URL, env: Environment): URL | undefined {
  if (isLoopback(url)) return undefined;
  const read = (name: string) => env[name] || env[name.toUpperCase()] || '';
  const text = read(url.protocol === 'https:' ? 'https_proxy' : 'http_proxy').trim();
  if (text === '') return undefined;
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const port = url.port || (DEFAULT_PORT.get(url.protocol) ?? '');
  const entries = read('no_proxy')
    .split(/[\s,]+/)
    .filter(Boolean);
  if (entries.some((entry) => excludes(entry, host, port))) return undefined;
  const spelled = text.includes('://') ? text : `http://${text}`;
  const proxy = URL.canParse(spelled) ? new URL(spelled) : undefined;
  if (proxy?.protocol === 'http:' || proxy?.protocol === 'https:') return proxy;
  throw new TsimgError('USAGE', 'not a proxy that tsimg can use', {
    where: proxy === undefined ? undefined : redactUrl(proxy),
    hint: 'HTTPS_PROXY and HTTP_PROXY take http://HOST:PORT or https://HOST:PORT; NO_PROXY lists exceptions',
  });
}

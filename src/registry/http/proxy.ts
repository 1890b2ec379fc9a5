import { BlockList, isIP } from 'node:net';
import { TsimgError } from '../../errors.ts';
import { isLoopback } from './endpoint.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_PORT: ReadonlyMap<string, string> = new Map([
  ['http:', '80'],
  ['https:', '443'],
]);

/** The kinds of proxies. socks5h has the proxy look up names, socks5 looks them up here. */
const KINDS: ReadonlySet<string> = new Set(['http:', 'https:', 'socks5:', 'socks5h:']);

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
  const bare = name
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
  return host === bare || (isIP(host) === 0 && host.endsWith(`.${bare}`));
}

/** The URL of a proxy, with the name of the variable that it is from. */
export class ProxyUrl extends URL {
  readonly variable: string;

  constructor(text: string, variable: string) {
    super(text);
    this.variable = variable;
  }
}

/** The variable that names the proxy for a scheme; undefined for none. */
function proxyVariable(protocol: string, env: Environment): string | undefined {
  // CGI passes a client's header Proxy on as HTTP_PROXY, so, as in curl, only the name in lower case counts.
  const own = protocol === 'https:' ? ['https_proxy', 'HTTPS_PROXY'] : ['http_proxy'];
  return [...own, 'all_proxy', 'ALL_PROXY'].find((name) => env[name]);
}

/** A proxy's text for an error: without user and password, which end at its last `@`. */
function shownProxy(text: string): string {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0] ?? '';
  return `${scheme}${text.slice(Math.max(scheme.length, text.lastIndexOf('@') + 1))}`;
}

/**
 * The proxy for a URL, by the variables that curl reads: https_proxy or HTTPS_PROXY, http_proxy in lower case only,
 * else all_proxy or ALL_PROXY, and no_proxy or NO_PROXY for exceptions. Undefined for none. Loopback never goes through
 * a proxy.
 * @throws USAGE for a proxy that is none of http, https, socks5 and socks5h
 */
export function proxyFor(url: URL, env: Environment): ProxyUrl | undefined {
  if (isLoopback(url)) return undefined;
  const variable = proxyVariable(url.protocol, env);
  const text = (variable && env[variable]?.trim()) || '';
  if (variable === undefined || text === '') return undefined;
  const host = url.hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
  const port = url.port || (DEFAULT_PORT.get(url.protocol) ?? '');
  const entries = (env.no_proxy || env.NO_PROXY || '').split(/[\s,]+/).filter(Boolean);
  if (entries.some((entry) => excludes(entry, host, port))) return undefined;
  const spelled = text.includes('://') ? text : `http://${text}`;
  const proxy = URL.canParse(spelled) ? new ProxyUrl(spelled, variable) : undefined;
  if (proxy !== undefined && KINDS.has(proxy.protocol) && proxy.hostname !== '') return proxy;
  throw new TsimgError('USAGE', 'not a proxy that tsimg can use', {
    where: shownProxy(text),
    why: `$${variable} names it`,
    hint: 'write http://, https://, socks5:// or socks5h://HOST:PORT, or except the registry by no_proxy',
  });
}

/** A part of a proxy's URL as it was before it was escaped; a lone % is no escape. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The user and the password in a proxy's URL; undefined where there is no user. */
export function proxyAccount({ username, password }: URL): { user: string; password: string } | undefined {
  return username === '' ? undefined : { user: unescaped(username), password: unescaped(password) };
}

/** The headers by which a proxy that speaks HTTP knows its user. */
export function proxyHeaders(proxy: URL): Record<string, string> {
  const account = proxyAccount(proxy);
  if (account === undefined) return {};
  const login = Buffer.from(`${account.user}:${account.password}`).toString('base64');
  return { 'proxy-authorization': `Basic ${login}` };
}

/** The host of a proxy, an address of IPv6 without brackets. */
export function proxyHost({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '');
}

/** The name that a proxy's certificate is for; Node would take it from the header Host, which names the registry. */
export function proxyServerName(proxy: URL): string {
  const host = proxyHost(proxy);
  return isIP(host) === 0 ? host : '';
}

/** An error of the way to a proxy, or of the proxy. */
export function proxyError(proxy: URL, why: string): Error {
  const from = proxy instanceof ProxyUrl ? ` ($${proxy.variable})` : '';
  return Object.assign(new Error(`the proxy ${proxy.host}${from}: ${why}`), { code: 'EPROXY' });
}

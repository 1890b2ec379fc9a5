import { isIP } from 'node:net';
import { TsimgError } from '../../errors.ts';
import { redactUrl } from '../failure/redact.ts';
import { isLoopback } from '../http/endpoint.ts';
import { SHARED_SUFFIXES } from './shared-suffixes.data.ts';

/** A URL does not tell the port of its protocol, and a user may. */
const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

/** Registries with a token server in another domain: registry's host → token server's host. */
const KNOWN: ReadonlyMap<string, string> = new Map([
  ['registry-1.docker.io', 'auth.docker.io'],
  ['registry.connect.redhat.com', 'sso.redhat.com'],
  ['registry.suse.com', 'scc.suse.com'],
]);

/** Second-level domains under which countries register names: `co.uk`. */
const SECOND_LEVEL = new Set([
  'ac',
  'co',
  'com',
  'edu',
  'go',
  'gob',
  'gov',
  'gouv',
  'mil',
  'ne',
  'net',
  'nom',
  'or',
  'org',
]);

/**
 * Returns the registered domain that a host belongs to; undefined for addresses and single names. In doubt the result
 * is longer, which trusts fewer hosts.
 */
export function registrableDomain(host: string): string | undefined {
  const labels = host.split('.');
  if (labels.length < 2 || isIP(host.replace(/^\[|\]$/g, '')) !== 0) return undefined;
  const [top = '', second = ''] = [...labels].reverse();
  const shared = SHARED_SUFFIXES.find((suffix) => host === suffix || host.endsWith(`.${suffix}`));
  const countrySecond = top.length === 2 && SECOND_LEVEL.has(second);
  const suffixLength = shared !== undefined ? shared.split('.').length : countrySecond ? 2 : 1;
  return labels.length > suffixLength ? labels.slice(-suffixLength - 1).join('.') : undefined;
}

/** Returns whether a text can be the host of a token server, with or without a port. */
export function isRealmHost(text: string): boolean {
  const address = `https://${text}`;
  if (!URL.canParse(address)) return false;
  const { host } = new URL(address);
  return [host, `${host}:443`].includes(text.toLowerCase());
}

export interface Realm {
  readonly url: URL;
  /** Whether the registry's credentials may go there. */
  readonly trusted: boolean;
}

/**
 * Checks the token server that a challenge names: a registry must not choose where its credentials go. HTTPS only,
 * except for the host of a registry that is itself reached by plain HTTP. A token server may get the credentials when
 * its host is the registry's, is in the same registered domain, is known, or is named by the user.
 * @param trustedRealms the hosts that the user named, with or without a port, in any case
 * @throws REGISTRY_ERROR for a realm that must not even be asked: no URL, plain HTTP, another machine's address
 */
export function checkRealm(realm: string, registry: URL, trustedRealms: readonly string[]): Realm {
  const refuse = (why: string) =>
    new TsimgError('REGISTRY_ERROR', 'the registry names a token server that tsimg does not trust', {
      where: redactUrl(registry),
      why,
    });
  if (!URL.canParse(realm)) throw refuse('its address is not a URL');
  const url = new URL(realm);
  const sameHost = url.hostname === registry.hostname;
  const plainAllowed = registry.protocol === 'http:' && (sameHost || (isLoopback(registry) && isLoopback(url)));
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && plainAllowed))
    throw refuse(`${redactUrl(url)} is not HTTPS`);
  if (url.username !== '' || url.password !== '') throw refuse('its address holds credentials');
  const isAddress = isIP(url.hostname.replace(/^\[|\]$/g, '')) !== 0 || url.hostname === 'localhost';
  const names = [url.hostname, url.host, `${url.hostname}:${url.port || DEFAULT_PORTS[url.protocol]}`];
  const named = trustedRealms.some((host) => names.includes(host.toLowerCase()));
  if (isAddress && !sameHost && !named && !plainAllowed) throw refuse(`${url.host} is not the registry's address`);
  const domain = registrableDomain(registry.hostname);
  const related = domain !== undefined && domain === registrableDomain(url.hostname);
  return {
    url,
    trusted: sameHost || related || named || plainAllowed || KNOWN.get(registry.hostname) === url.hostname,
  };
}

import { canonicalName, parseReference } from '../../oci/reference.ts';
import type { RegistryEntry } from './registries-conf.ts';

/** A name or a prefix with the canonical spelling of its host. */
function canonical(name: string): string {
  return name.startsWith('*.') ? name.toLowerCase() : canonicalName(name);
}

/**
 * Returns the part of a name that a prefix does not cover; undefined where the prefix does not fit. Hosts are compared
 * in their canonical spelling. `*.HOST` covers any number of subdomains, with any port. Elsewhere a host without a port
 * is another one than a host with a port.
 */
export function restBelow(name: string, prefix: string): string | undefined {
  const whole = canonical(name);
  const covered = coveredBy(whole, canonical(prefix));
  return covered === undefined ? undefined : whole.slice(covered);
}

/** How many characters of a name a prefix covers. */
function coveredBy(name: string, prefix: string): number | undefined {
  const slash = name.indexOf('/');
  const host = slash === -1 ? name : name.slice(0, slash);
  if (prefix.startsWith('*.')) {
    const bare = host.replace(/:\d+$/, '');
    return bare.endsWith(prefix.slice(1)) && bare.length > prefix.length - 1 ? bare.length : undefined;
  }
  if (!name.startsWith(prefix)) return undefined;
  if (name.length === prefix.length) return prefix.length;
  const next = name[prefix.length];
  const isBoundary = next === '/' || ((next === ':' || next === '@') && prefix.length > host.length);
  return isBoundary ? prefix.length : undefined;
}

/** The entry with the longest prefix that covers the name: `docker.io/library/alpine:3.19`. */
export function entryFor(entries: readonly RegistryEntry[], name: string): RegistryEntry | undefined {
  let best: RegistryEntry | undefined;
  for (const entry of entries) {
    if (restBelow(name, entry.prefix) === undefined) continue;
    if (best === undefined || entry.prefix.length > best.prefix.length) best = entry;
  }
  return best;
}

/**
 * The name at a location: its part below the prefix, put below the location. The tag and the digest of the location
 * count for nothing.
 * @param name without tag and digest
 * @throws REFERENCE_INVALID
 */
export function rewritten(
  name: string,
  prefix: string,
  location: string,
): { readonly registry: string; readonly repository: string } {
  const rest = restBelow(name, prefix) ?? '';
  const { registry, repository } = parseReference(location === '' ? name : `${location}${rest}`);
  return { registry, repository };
}

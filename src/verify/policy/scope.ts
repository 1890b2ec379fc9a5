import { canonicalHost, canonicalName, type Reference } from '../../oci/reference.ts';
import type { Policy, PolicyRequirement } from './document.ts';
import type { PolicySubject } from './subject.ts';

/** Returns each domain above a registry's host (without the port) as `*.DOMAIN`, from near to far. */
function wildcards(registry: string): readonly string[] {
  const labels = registry.replace(/:\d+$/, '').split('.');
  return labels.slice(1).map((_, index) => `*.${labels.slice(index + 1).join('.')}`);
}

/** Returns a path and those above it, without the root. */
function upwards(path: string): readonly string[] {
  const names = path.split('/').filter((name) => name !== '');
  return names.map((_, index) => `/${names.slice(0, names.length - index).join('/')}`);
}

/**
 * Returns the scopes of an image of a registry, the most specific first, without the empty one. containers/image,
 * docker/policyconfiguration. Another spelling of a host does not escape from its scopes: those of the canonical one
 * follow.
 */
export function registryScopes(reference: Reference): readonly string[] {
  const spelled = spelledScopes(reference);
  const canonical = spelledScopes({ ...reference, registry: canonicalHost(reference.registry) });
  return [...new Set(spelled.flatMap((scope, index) => [scope, canonical[index] ?? scope]))];
}

function spelledScopes({ registry, repository, tag, digest }: Reference): readonly string[] {
  const whole = `${registry}/${repository}`;
  const exact = digest === undefined ? `${whole}:${tag ?? 'latest'}` : `${whole}@${digest}`;
  const parts = repository.split('/');
  const namespaces = parts.map((_, index) => [registry, ...parts.slice(0, parts.length - index)].join('/'));
  return [exact, ...namespaces, registry, ...wildcards(registry)];
}

/**
 * Returns the scopes of an image, the most specific first. The scope of an image in a layout or an archive is the path
 * alone, as with podman: an image may have several names there.
 */
export function scopesOf(subject: PolicySubject): readonly string[] {
  switch (subject.transport) {
    case 'docker':
      return [...registryScopes(subject.reference), ''];
    case 'docker-archive':
      return [''];
    default:
      return [...upwards(subject.path), ''];
  }
}

/** Returns the requirements for an image, which are those of its most specific scope, and this scope. */
export function requirementsFor(
  policy: Policy,
  subject: PolicySubject,
): { readonly scope: string; readonly requirements: readonly PolicyRequirement[] } {
  const scopes = policy.transports.get(subject.transport);
  // The host of a reference is in one spelling, and that of a scope need not be.
  const isRegistry = subject.transport === 'docker';
  const spelled = new Map(isRegistry ? [...(scopes ?? [])].map(([scope, all]) => [canonicalName(scope), all]) : []);
  for (const scope of scopesOf(subject)) {
    const requirements = scopes?.get(scope) ?? spelled.get(scope);
    if (requirements !== undefined)
      return { scope: `${subject.transport}: ${scope === '' ? '""' : scope}`, requirements };
  }
  return { scope: 'default', requirements: policy.default };
}

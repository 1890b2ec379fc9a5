import type { Reference } from '../../oci/reference.ts';
import type { Policy, PolicyRequirement } from './document.ts';

/** What an image is for the policy. Paths are absolute and lead over no symbolic link. */
export type PolicySubject =
  | { readonly transport: 'docker'; readonly reference: Reference }
  | { readonly transport: 'docker-archive' }
  | { readonly transport: 'oci' | 'oci-archive' | 'dir'; readonly path: string };

/** The registry's host without its port, and each domain above it as `*.DOMAIN`, from near to far. */
function wildcards(registry: string): readonly string[] {
  const labels = registry.replace(/:\d+$/, '').split('.');
  return labels.slice(1).map((_, index) => `*.${labels.slice(index + 1).join('.')}`);
}

/** A path and those above it, but for the root. */
function upwards(path: string): readonly string[] {
  const names = path.split('/').filter((name) => name !== '');
  return names.map((_, index) => `/${names.slice(0, names.length - index).join('/')}`);
}

/**
 * Scopes of an image of a registry, but for the empty one, the most specific first. containers/image,
 * docker/policyconfiguration
 */
export function registryScopes({ registry, repository, tag, digest }: Reference): readonly string[] {
  const whole = `${registry}/${repository}`;
  const exact = digest === undefined ? `${whole}:${tag ?? 'latest'}` : `${whole}@${digest}`;
  const parts = repository.split('/');
  const namespaces = parts.map((_, index) => [registry, ...parts.slice(0, parts.length - index)].join('/'));
  return [exact, ...namespaces, registry, ...wildcards(registry)];
}

/**
 * The scopes that may be said of an image, the most specific first. A layout is its directory: which of its images is
 * meant does not count, as with podman, since the same one has several names there.
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

/** The requirements for an image, and the scope that says them. The most specific scope counts alone. */
export function requirementsFor(
  policy: Policy,
  subject: PolicySubject,
): { readonly scope: string; readonly requirements: readonly PolicyRequirement[] } {
  const scopes = policy.transports.get(subject.transport);
  for (const scope of scopesOf(subject)) {
    const requirements = scopes?.get(scope);
    if (requirements !== undefined)
      return { scope: `${subject.transport}: ${scope === '' ? '""' : scope}`, requirements };
  }
  return { scope: 'default', requirements: policy.default };
}

import { TsimgError } from '../../errors.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';
import type { HostEntry, HostsFile } from './hosts-toml.ts';
import { entryFor, rewritten } from './match-entry.ts';
import type { RegistryEntry } from './registries-conf.ts';

/** A host that is asked for a repository. */
export interface HostPlan {
  /** The host as references spell it: the name for its credentials and for its folder in `certs.d`. */
  readonly registry: string;
  /** The repository's name there. */
  readonly repository: string;
  /** Whether it is the registry of the reference: the caller's credentials and certificates are for it alone. */
  readonly isOrigin: boolean;
  /** Whether it is asked last. Requests to the hosts before it are not repeated, and wait less for a connection. */
  readonly isLast: boolean;
  /** Whether it is asked what a tag stands for. */
  readonly resolves: boolean;
  /** Whether it is asked for content by digest. */
  readonly pulls: boolean;
  readonly pushes: boolean;
  /** Whether plain HTTP is allowed, and a certificate that no known authority has signed. */
  readonly insecure: boolean;
  /** The entry of hosts.toml. */
  readonly entry?: HostEntry | undefined;
  /** The registry of the reference: `?ns=` names it to a host that may mirror several registries. */
  readonly namespace?: string | undefined;
  /** The file that named it; undefined for a registry that no file names. */
  readonly file?: string | undefined;
}

/** The reference that is wanted: its tag or digest decides which mirrors are asked. */
export type Wanted = Pick<Reference, 'registry' | 'repository'> & Partial<Pick<Reference, 'tag' | 'digest'>>;

const HUB = 'docker.io';
const HUB_HOST = 'registry-1.docker.io';

const nameOf = ({ registry, repository }: Wanted): string => `${registry}/${repository}`;

/** The entry of registries.conf for a reference. @throws REGISTRY_BLOCKED */
export function allowedEntry(wanted: Wanted, entries: readonly RegistryEntry[]): RegistryEntry | undefined {
  const { registry, repository, tag, digest } = wanted;
  return unlessBlocked(entryFor(entries, formatReference({ registry, repository, tag, digest })), nameOf(wanted));
}

/** Returns the entry of registries.conf for a registry as a whole. @throws REGISTRY_BLOCKED */
export function allowedRegistry(registry: string, entries: readonly RegistryEntry[]): RegistryEntry | undefined {
  return unlessBlocked(entryFor(entries, `${registry}/`), registry);
}

function unlessBlocked(entry: RegistryEntry | undefined, name: string): RegistryEntry | undefined {
  if (entry?.blocked !== true) return entry;
  throw new TsimgError('REGISTRY_BLOCKED', `${name} is blocked on this host`, {
    where: entry.file,
    why: `blocked = true for ${entry.prefix}`,
    hint: 'ask the keeper of the file, or take the image from elsewhere',
  });
}

/** The hosts that registries.conf names: mirrors first, the location last. @throws REFERENCE_INVALID */
export function hostsByRegistriesConf(wanted: Wanted, entry: RegistryEntry): readonly HostPlan[] {
  const { prefix, location, file } = entry;
  const unwanted = wanted.digest === undefined ? 'digest-only' : 'tag-only';
  const mirrors = entry.mirrors
    .filter(({ pullFrom }) => pullFrom !== unwanted)
    .map(
      (mirror): HostPlan => ({
        ...rewritten(nameOf(wanted), prefix, mirror.location),
        ...{ isOrigin: false, isLast: false, resolves: true, pulls: true, pushes: false },
        insecure: mirror.insecure,
        file,
      }),
    );
  const origin: HostPlan = {
    ...rewritten(nameOf(wanted), prefix, location),
    ...{ isOrigin: true, isLast: true, resolves: true, pulls: true, pushes: true },
    insecure: entry.insecure,
    file,
  };
  return [...mirrors, origin];
}

/** The hosts that hosts.toml names for the registry of a plan: hosts in their order, then the server. */
export function hostsByHostsToml(origin: HostPlan, { hosts, server, file }: HostsFile): readonly HostPlan[] {
  const planOf = (entry: HostEntry & { readonly url: URL }, isLast: boolean): HostPlan => {
    const isHub = origin.registry === HUB && [HUB, HUB_HOST].includes(entry.url.host);
    const isItself = isHub || entry.url.host === origin.registry;
    const url = entry.url.host === HUB ? new URL(`https://${HUB_HOST}${entry.url.pathname}`) : entry.url;
    return {
      registry: isHub ? HUB : entry.url.host,
      repository: origin.repository,
      isOrigin: isItself,
      isLast,
      resolves: entry.capabilities.has('resolve'),
      pulls: entry.capabilities.has('pull'),
      pushes: entry.capabilities.has('push'),
      insecure: false,
      entry: { ...entry, url },
      namespace: isItself ? undefined : origin.registry,
      file,
    };
  };
  const { url } = server;
  const last: HostPlan =
    url === undefined
      ? {
          ...origin,
          entry: server,
          file,
          resolves: server.capabilities.has('resolve'),
          pulls: server.capabilities.has('pull'),
          pushes: server.capabilities.has('push'),
        }
      : planOf({ ...server, url }, true);
  return [...hosts.map((entry) => planOf(entry, false)), last];
}

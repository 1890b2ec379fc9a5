import { TsimgError } from '../errors.ts';
import { isDigest } from '../oci/digest.ts';
import { openConnections, type RegistryConnections } from './connections.ts';
import { endpointsOf } from './http/endpoint.ts';
import { findHosts, findRegistries, type MirrorFiles } from './mirrors/find-configuration.ts';
import {
  allowedEntry,
  type HostPlan,
  hostsByHostsToml,
  hostsByRegistriesConf,
  type Wanted,
} from './mirrors/plan-hosts.ts';
import { openSession, type RegistryOptions, type Session } from './session.ts';

/** A repository, which several hosts may have. */
export interface Repository {
  /**
   * The hosts that are asked for a tag or a digest, in order; the last is the registry itself or what stands for it.
   */
  readers(version: string): Promise<readonly Session[]>;
  /** The host that is asked for what mirrors do not have: lists. */
  origin(): Promise<Session>;
  /** The host that content is pushed to and deleted at. @throws REGISTRY_ERROR where no host takes content */
  writer(): Promise<Session>;
  close(): void;
}

/** The registry of a reference, which no file names. */
function plain({ registry, repository }: Wanted): HostPlan {
  const may = { isOrigin: true, isLast: true, resolves: true, pulls: true, pushes: true };
  return { registry, repository, ...may, insecure: false };
}

interface Plan {
  readonly readers: readonly HostPlan[];
  readonly writers: readonly HostPlan[];
}

/** The hosts of a repository, by the files of this machine. @throws REGISTRY_BLOCKED, REGISTRIES_INVALID, USAGE */
async function planRepository(wanted: Wanted, options: RegistryOptions): Promise<Plan> {
  const { mirrors = {}, env = process.env, onEvent } = options;
  const itself = plain(wanted);
  if (mirrors === false) return { readers: [itself], writers: [itself] };
  const files: MirrorFiles = mirrors;
  const entry = allowedEntry(wanted, await findRegistries(files, env));
  const readers = entry === undefined ? [itself] : hostsByRegistriesConf(wanted, entry);
  const writer = entry === undefined ? itself : { ...itself, insecure: entry.insecure };
  // Mirrors of registries.conf are all that is asked; else containerd's file of the registry counts.
  const [only, ...more] = readers;
  const hosts = only === undefined || more.length > 0 ? undefined : await findHosts(only.registry, files, env);
  // A location is for reading: what is pushed goes to the registry of the reference, by the file of that one.
  const isSame = only?.registry === writer.registry;
  const toWrite = isSame || more.length > 0 ? hosts : await findHosts(writer.registry, files, env);
  const plan: Plan = {
    readers: only === undefined || hosts === undefined ? readers : hostsByHostsToml(only, hosts),
    writers: toWrite === undefined ? [writer] : writersBy(hostsByHostsToml(writer, toWrite)),
  };
  const named = plan.readers.map(({ registry, repository }) => `${registry}/${repository}`);
  const file = hosts?.file ?? entry?.file;
  if (file !== undefined) {
    const message = `${wanted.registry}/${wanted.repository} is asked of ${named.join(', then of ')} (${file})`;
    onEvent?.({ kind: 'detail', message });
  }
  return plan;
}

/** The registry itself takes content, unless hosts.toml says that it does not: then the hosts that do. */
function writersBy(hosts: readonly HostPlan[]): readonly HostPlan[] {
  const [last, ...others] = hosts.toReversed();
  return last?.pushes ? [last] : others.filter(({ pushes }) => pushes).toReversed();
}

/**
 * Opens a repository. Nothing is read and no connection is made before the first request.
 * @throws REFERENCE_INVALID, USAGE; its methods: REGISTRY_BLOCKED, REGISTRIES_INVALID, USAGE
 */
export function openRepository(wanted: Wanted, options: RegistryOptions): Repository {
  endpointsOf(wanted.registry, options.tlsVerify);
  const connections = options.connections ?? openConnections();
  const shared = { ...options, connections };
  const sessions = new Map<HostPlan, Session>();
  const sessionOf = (plan: HostPlan): Session => {
    const session = sessions.get(plan) ?? openSession(plan, shared);
    sessions.set(plan, session);
    return session;
  };
  let planned: Promise<Plan> | undefined;
  const plan = () => {
    planned ??= planRepository(wanted, options);
    return planned;
  };
  const noHost = (why: string) =>
    new TsimgError('REGISTRY_ERROR', 'no host may be asked', {
      where: `${wanted.registry}/${wanted.repository}`,
      why,
      hint: 'correct hosts.toml, or go on without such files by --no-mirrors',
    });
  return {
    readers: async (version) => {
      const { readers } = await plan();
      const able = readers.filter(({ resolves, pulls }) => (isDigest(version) ? pulls : resolves));
      if (able.length === 0) throw noHost(`hosts.toml has none for ${isDigest(version) ? 'content' : 'tags'}`);
      return able.map(sessionOf);
    },
    origin: async () => {
      const { readers } = await plan();
      return sessionOf(readers.at(-1) ?? plain(wanted));
    },
    writer: async () => {
      const [first] = (await plan()).writers;
      if (first === undefined) throw noHost('hosts.toml has none that takes content');
      return sessionOf(first);
    },
    close: () => {
      if (options.connections === undefined) connections.close();
    },
  };
}

/**
 * Has the first host of a repository choose between TLS and plain HTTP, while the caller prepares something else. Does
 * not wait for it, and does not tell its failure: the first request does.
 * @throws as {@link openRepository} and its methods
 */
export async function meetRepository(
  wanted: Wanted,
  version: string,
  options: RegistryOptions & { readonly connections: RegistryConnections },
): Promise<void> {
  const [first] = await openRepository(wanted, { ...options, onEvent: undefined }).readers(version);
  first?.meet();
}

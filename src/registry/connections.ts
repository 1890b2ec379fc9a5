import { digestOf } from '../crypto/digest.ts';
import { TsimgError } from '../errors.ts';
import type { Host } from './host.ts';
import type { Environment } from './http/proxy.ts';

/**
 * The state of registries between requests: connections, the choice between TLS and plain HTTP, and tokens. Made by
 * {@link openConnections}. Credentials are looked up for each repository, and are never shared between different ones.
 */
export interface RegistryConnections extends Disposable {
  /** Ends all connections. Nothing can be asked by them afterwards. */
  close(): void;
}

interface Pool {
  /** By the environment and by all else that requests to a host have in common; undefined once closed. */
  hosts: Map<string, Host> | undefined;
}

const pools = new WeakMap<RegistryConnections, Pool>();

/** Equal for environments with equal variables, for a caller may copy the environment for each operation. */
function nameOf(env: Environment): string {
  const variables = Object.entries(env).filter(([, value]) => value !== undefined);
  return digestOf(JSON.stringify(variables.sort(([one], [other]) => (one < other ? -1 : 1))));
}

/**
 * Opens the connections of several operations, which so connect to a registry and log in to it once. Nothing is sent
 * before the first request. The caller closes them.
 * @example
 * using connections = openConnections();
 * for (const name of ['alpine:3.19', 'alpine:3.20']) await pullToStore(parseReference(name), { connections });
 */
export function openConnections(): RegistryConnections {
  const pool: Pool = { hosts: new Map() };
  const close = () => {
    const hosts = [...(pool.hosts?.values() ?? [])];
    pool.hosts = undefined;
    for (const host of hosts) host.close();
  };
  const connections: RegistryConnections = { close, [Symbol.dispose]: close };
  pools.set(connections, pool);
  return connections;
}

/**
 * Returns the host of the connections, opened when it is first asked for. @param key names the host and all that
 * requests to it have in common
 * @throws USAGE when they are closed
 */
export function hostAmong(connections: RegistryConnections, env: Environment, key: string, open: () => Host): Host {
  const hosts = pools.get(connections)?.hosts;
  if (hosts === undefined) {
    throw new TsimgError('USAGE', 'the connections are closed', { hint: 'open others by openConnections()' });
  }
  const whole = `${nameOf(env)} ${key}`;
  const host = hosts.get(whole) ?? open();
  hosts.set(whole, host);
  return host;
}

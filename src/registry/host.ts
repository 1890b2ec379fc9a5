import { existsSync } from 'node:fs';
import { errnoOf } from '../errors.ts';
import type { Credentials } from './auth/auth-file.ts';
import { type Authorizer, createAuthorizer, type LoginHooks } from './auth/authorizer.ts';
import { maySpeakPlain, maySpeakTls } from './failure/connection-error.ts';
import { openAgents } from './http/agents.ts';
import { discard } from './http/body.ts';
import { certificateFolders } from './http/certificates.ts';
import { type Endpoints, endpointsOf, isLoopback } from './http/endpoint.ts';
import { openHttp, type Send } from './http/http.ts';
import type { Timeouts } from './http/phases.ts';
import type { Environment } from './http/proxy.ts';
import { followRedirects } from './http/redirect.ts';
import { waitFor } from './http/wait-for.ts';
import type { HostEntry } from './mirrors/hosts-toml.ts';

/** All that requests to a host have in common. */
export interface HostOptions {
  /** The host as references spell it, which is the name of its folder in `certs.d`. */
  readonly registry: string;
  readonly tlsVerify: boolean | undefined;
  readonly certDir: string | undefined;
  readonly timeouts: Timeouts | undefined;
  readonly env: Environment;
  /** The entry of hosts.toml: where it is, its certificates, and headers that it alone gets. */
  readonly entry?: HostEntry | undefined;
}

/** An account: its credentials, and which token servers may get them. */
export interface AccountOptions {
  readonly credentials: Credentials | undefined;
  /** Token servers that may get the credentials although they are not of the host's domain. */
  readonly trustedRealms: readonly string[];
  readonly login?: LoginHooks | undefined;
}

/** A host that speaks the distribution protocol: its connections, and the tokens of its accounts. */
export interface Host {
  readonly registry: string;
  /** The root of its paths: `/v2` but where hosts.toml says otherwise. */
  readonly root: string;
  /** Sends a request, to any host, and follows redirects. */
  readonly send: Send;
  /** Sends a request, and follows no redirect. */
  readonly direct: Send;
  /** Chooses TLS or plain HTTP, once. @throws REGISTRY_UNREACHABLE */
  endpoint(signal?: AbortSignal): Promise<URL>;
  /** The tokens of an account. Equal credentials share them; others never do. */
  authorizer(endpoint: URL, account: AccountOptions): Authorizer;
  /** Whether it has asked for credentials. */
  readonly isLoginWanted: boolean;
  /** The tokens that registries behind this one have given to anybody, by their origins. */
  readonly elsewhere: Map<string, Authorizer>;
  /** Whether it has answered a request: a connection that it refuses afterwards is not refused for good. */
  readonly hasAnswered: boolean;
  /** Until when (Date.now()) it is not asked where others can be: it was out of reach. */
  avoidedUntil: number;
  close(): void;
}

/** How a host of two endpoints is asked for the one that it has. No request of these carries secrets. */
interface Probing {
  readonly send: Send;
  readonly direct: Send;
  /** Whether plain HTTP is tried first. */
  readonly isPlainFirst: boolean;
}

/**
 * Returns whether a registry answers by plain HTTP (distribution spec, "Determining Support"). A server that wants TLS
 * refuses such a request with another status, or with an answer that is no HTTP. Where no server is, the next request
 * tells it, with what was asked for.
 * @throws REGISTRY_UNREACHABLE where TLS would get no answer either
 */
async function answersPlain(endpoint: URL, send: Send): Promise<boolean> {
  try {
    const response = await send({ method: 'GET', url: new URL('/v2/', endpoint) });
    await discard(response);
    return response.status === 200 || response.status === 401;
  } catch (error) {
    if (errnoOf(error) === 'ECONNREFUSED') return true;
    if (maySpeakTls(error)) return false;
    throw error;
  }
}

/** Chooses the endpoint: TLS, or plain HTTP where that is allowed and TLS does not answer. */
async function chooseEndpoint([secure, plain]: Endpoints, { send, direct, isPlainFirst }: Probing): Promise<URL> {
  if (plain === undefined) return secure;
  if (isPlainFirst && (await answersPlain(plain, direct))) return plain;
  try {
    await discard(await send({ method: 'GET', url: new URL('/v2/', secure) }));
    return secure;
  } catch (error) {
    if (!maySpeakPlain(error)) throw error;
    return plain;
  }
}

/** The endpoints: those of a registry's name, or the one that hosts.toml spells. */
function endpointsFor({ registry, tlsVerify, entry }: HostOptions): Endpoints {
  if (entry?.url === undefined) return endpointsOf(registry, tlsVerify);
  const url = new URL('/', entry.url);
  // A file cannot give up TLS that the user demands.
  if (tlsVerify === true) url.protocol = 'https:';
  return [url];
}

/** Opens a host. No connection is made before the first request. @throws REFERENCE_INVALID */
export function openHost(options: HostOptions): Host {
  const { registry, tlsVerify, certDir, timeouts, env, entry } = options;
  const candidates = endpointsFor(options);
  const origins = candidates.map((url) => url?.origin);
  const agents = openAgents({
    ...{ registry, endpoint: candidates[0], env, certDir, tlsVerify: tlsVerify !== false },
    files: entry && { ca: entry.ca, client: entry.client, folder: entry.certificates },
  });
  const plain = openHttp({ agents, tlsVerify: tlsVerify !== false, timeouts });
  let hasAnswered = false;
  const direct: Send = async (request) => {
    const isOwn = origins.includes(request.url.origin);
    const headers = isOwn && entry !== undefined ? { ...entry.headers, ...request.headers } : request.headers;
    const response = await plain({ ...request, headers });
    hasAnswered ||= isOwn;
    return response;
  };
  const send = followRedirects(direct, tlsVerify === false || entry?.url?.protocol === 'http:');
  // Nobody can listen between this machine and itself, and most registries on it speak no TLS. To try TLS first would
  // load all authorities of the host, which takes 50 ms. A registry with certificates of its own speaks TLS.
  const isPlainFirst = isLoopback(candidates[0]) && !certificateFolders(registry, env, certDir).some(existsSync);
  const authorizers = new Map<string, Authorizer>();
  let chosen: Promise<URL> | undefined;
  let known: URL | undefined;

  return {
    registry,
    root: entry?.root ?? '/v2',
    send,
    direct,
    endpoint: async (signal) => {
      signal?.throwIfAborted();
      if (known !== undefined) return known;
      chosen ??= chooseEndpoint(candidates, { send, direct, isPlainFirst }).catch((error: unknown) => {
        chosen = undefined; // the next attempt may succeed
        throw error;
      });
      known = await waitFor(chosen, signal);
      return known;
    },
    authorizer: (endpoint, { credentials, trustedRealms, login }) => {
      const findCredentials = async () => credentials;
      const open = () => createAuthorizer({ endpoint, send: direct, findCredentials, trustedRealms, login });
      if (login !== undefined) return open();
      const key = JSON.stringify([credentials ?? null, trustedRealms]);
      const known = authorizers.get(key) ?? open();
      authorizers.set(key, known);
      return known;
    },
    get isLoginWanted() {
      return authorizers.size > 0;
    },
    elsewhere: new Map(),
    get hasAnswered() {
      return hasAnswered;
    },
    avoidedUntil: 0,
    close: agents.close,
  };
}

import { errnoOf } from '../errors.ts';
import type { Context } from '../events.ts';
import type { Credentials } from './auth/auth-file.ts';
import type { Authorizer, LoginHooks } from './auth/authorizer.ts';
import { findCredentials } from './auth/credentials.ts';
import { hostAmong, openConnections, type RegistryConnections } from './connections.ts';
import { parseWarnings } from './failure/warning.ts';
import { type HostOptions, openHost } from './host.ts';
import type { Body, HttpResponse, Method, Send } from './http/http.ts';
import { DEFAULT_TIMEOUTS } from './http/phases.ts';
import type { Environment } from './http/proxy.ts';
import { responseError } from './http/response-error.ts';
import { DEFAULT_RETRY, isTransientStatus, retrying, type SessionRetry } from './http/retry.ts';
import { waitFor } from './http/wait-for.ts';
import type { MirrorFiles } from './mirrors/find-configuration.ts';
import type { HostPlan } from './mirrors/plan-hosts.ts';
import type { RequestLimits } from './request-limits.ts';
import { type Access, sendAuthorized } from './send-authorized.ts';

/** How a registry is reached, and with which credentials. */
export interface RegistryOptions extends Context {
  /**
   * False: certificates are not checked, and plain HTTP is used where the registry has no TLS. True: TLS is required
   * even on loopback.
   */
  readonly tlsVerify?: boolean | undefined;
  /** The folder of the registry's certificate authorities and client certificates (`--cert-dir`). */
  readonly certDir?: string | undefined;
  readonly authFile?: string | undefined;
  /** Credentials in the place of stored ones (`--creds`). */
  readonly credentials?: Credentials | undefined;
  /**
   * Token servers that may get the credentials although they are not of the registry's domain: hosts, with or without a
   * port. A host without a port stands for each of its ports.
   */
  readonly trustedRealms?: readonly string[] | undefined;
  readonly requests?: RequestLimits | undefined;
  /** Variables that name proxies, files of credentials and certificates. Default: the process's environment. */
  readonly env?: Environment | undefined;
  /**
   * Connections that outlive this operation, so that several share them. Default: the operation opens its own, and
   * closes them at its end.
   */
  readonly connections?: RegistryConnections | undefined;
  /**
   * The files that name mirrors and blocked registries, in the place of those of this host; false: none, so that the
   * registry itself is asked alone.
   */
  readonly mirrors?: MirrorFiles | false | undefined;
}

/** Milliseconds for which a mirror that was out of reach is not asked. */
const AVOIDED = 60_000;

const GET: Access = { kind: 'get' };

export interface SessionRequest {
  readonly method: Method;
  /** `get` when absent. */
  readonly access?: Access | undefined;
  /** A path below the endpoint, or a URL; one of another origin is asked without credentials. */
  readonly path: string | URL;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: Body | undefined;
  /** The name of the document in errors and events: `manifest of alpine:3.9`. */
  readonly what: string;
  readonly signal?: AbortSignal | undefined;
}

/** One repository of a registry: connections, credentials and tokens. */
export interface Session {
  /** The host, as references spell it. */
  readonly registry: string;
  /** Empty for the registry itself, of which only `check` can be asked. */
  readonly repository: string;
  /**
   * Sends a request once, with authorization.
   * @throws for a transient status, and for 401 and 403, which it returns only for a HEAD, or for a URL of another
   * origin; the caller judges all other statuses
   */
  attempt(request: SessionRequest): Promise<HttpResponse>;
  /** Sends a request without credentials, to any host: for foreign layers. */
  readonly sendAnonymous: Send;
  /** Repeats an attempt as the policy allows. The signal ends a wait between two attempts; default: the session's. */
  retrying<T>(what: string, attempt: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  readonly retry: SessionRetry;
  /** As `maxDocument` of `RequestLimits`. */
  readonly documentLimit: number | undefined;
  readonly context: Context;
  /** Chooses TLS or plain HTTP, without waiting. A failure is told by the request that needs it, which tries again. */
  meet(): void;
  /** Whether the host was out of reach a moment ago. */
  readonly isAvoided: boolean;
  /** Has the host left out for a while, where others can be asked. */
  avoid(): void;
  close(): void;
}

/** Warnings of one registry that are told. */
const MOST_WARNINGS = 20;

/** Milliseconds that a connection to a mirror may take: another host has the same. */
const MIRROR_CONNECT = 5000;

/**
 * How a host is reached. Credentials and certificates of the options are for the origin alone, and so is giving up TLS;
 * that TLS is demanded holds for all.
 */
function reachOf(
  { isOrigin = true, isLast = true, insecure = false, entry }: Partial<HostPlan>,
  options: RegistryOptions,
) {
  const { tlsVerify, certDir } = options;
  const timeouts = options.requests?.timeouts;
  const configured = entry?.tlsVerify ?? (insecure ? false : undefined);
  if (isOrigin) return { tlsVerify: tlsVerify ?? configured, certDir, timeouts };
  const longest = isLast ? DEFAULT_TIMEOUTS.connect : MIRROR_CONNECT;
  const connect = Math.min(timeouts?.connect ?? longest, entry?.connectTimeout ?? longest);
  return {
    tlsVerify: tlsVerify === true ? true : configured,
    certDir: undefined,
    timeouts: { ...timeouts, connect },
  };
}

/** The key of a host among connections: all that its requests have in common. */
export function keyOf(shared: Omit<HostOptions, 'env'>): string {
  const { entry } = shared;
  return JSON.stringify({ ...shared, entry: entry && { ...entry, capabilities: undefined } });
}

/** The URL of a path of the protocol at a host. `?ns=` tells a mirror of several registries which of them is meant. */
function urlAt(endpoint: URL, path: string, root: string, namespace: string | undefined): URL {
  const own = path.replace(/^\/v2(?=\/)/, () => root);
  const separator = own.includes('?') ? '&' : '?';
  const query = namespace === undefined ? '' : `${separator}ns=${encodeURIComponent(namespace)}`;
  return new URL(`${own}${query}`, endpoint);
}

/** Tells what the registry warns of, each text once. Nothing is decided by it. */
function tellWarnings(
  { headers }: HttpResponse,
  registry: string,
  { warned, onEvent }: Pick<Context, 'onEvent'> & { readonly warned: Set<string> },
): void {
  for (const text of parseWarnings(headers.warning)) {
    if (warned.has(text) || warned.size >= MOST_WARNINGS) continue;
    warned.add(text);
    onEvent?.({ kind: 'warning', message: `${registry} says: ${text}` });
  }
}

/**
 * Opens a session. No connection is made before the first request.
 * @param login makes it the session of a login, which tests the credentials of the options
 * @throws REFERENCE_INVALID
 */
export function openSession(
  place: Pick<HostPlan, 'registry' | 'repository'> & Partial<HostPlan>,
  options: RegistryOptions,
  login?: LoginHooks,
): Session {
  const { registry, repository, isOrigin = true, isLast = true, entry, namespace } = place;
  const { authFile, signal, onEvent, trustedRealms = [] } = options;
  const { env = process.env, connections = openConnections() } = options;
  const shared = { registry, entry, ...reachOf(place, options) };
  const host = hostAmong(connections, env, keyOf(shared), () => openHost({ ...shared, env }));
  const context: Context = { signal, onEvent };
  const retry: SessionRetry = {
    retries: isLast ? (options.requests?.retries ?? DEFAULT_RETRY.retries) : 0,
    delay: options.requests?.retryDelay ?? DEFAULT_RETRY.delay,
    // A server that restarts refuses connections for a while.
    isTransientHere: (error) => host.hasAnswered && errnoOf(error) === 'ECONNREFUSED',
  };

  const warned = new Set<string>();
  let known: Authorizer | undefined;
  const findAuthorizer = async (endpoint: URL): Promise<Authorizer> => {
    const given = isOrigin ? options.credentials : undefined;
    const credentials = given ?? (await findCredentials(registry, repository, { authFile, env, signal, onEvent }));
    return host.authorizer(endpoint, { credentials, trustedRealms, login });
  };
  let lookUp: Promise<Authorizer> | undefined;

  return {
    registry,
    repository,
    attempt: async ({ method, access = GET, path, headers, body, what, signal: own = signal }) => {
      const endpoint = await host.endpoint(own);
      const authorizer = async () => {
        lookUp ??= findAuthorizer(endpoint);
        known = await waitFor(lookUp, own);
        return known;
      };
      if (host.isLoginWanted) await authorizer();
      const url = typeof path === 'string' ? urlAt(endpoint, path, host.root, namespace) : path;
      const request = { method, url, headers, body, signal: own };
      const failure = `cannot ${access.kind} ${what}`;
      // An upload may go to another host, which must not get the registry's credentials.
      const response = await (url.origin === endpoint.origin
        ? sendAuthorized(request, { host, repository, access, failure, known, authorizer })
        : host.send(request));
      tellWarnings(response, registry, { warned, onEvent });
      if (isTransientStatus(response.status)) throw await responseError(response, failure);
      return response;
    },
    meet: () => void host.endpoint(signal).catch(() => {}),
    sendAnonymous: host.send,
    retrying: (what, attempt, own = signal) =>
      retrying({ what, policy: retry, context: { signal: own, onEvent } }, attempt),
    retry,
    documentLimit: options.requests?.maxDocument,
    context,
    get isAvoided() {
      return host.avoidedUntil > Date.now();
    },
    avoid: () => {
      host.avoidedUntil = Date.now() + AVOIDED;
    },
    close: () => {
      if (options.connections === undefined) connections.close();
    },
  };
}

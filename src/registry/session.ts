import { TsimgError } from '../errors.ts';
import type { Context } from '../events.ts';
import type { Credentials } from './auth/auth-file.ts';
import { type Authorizer, createAuthorizer, type LoginHooks } from './auth/authorizer.ts';
import { parseChallenges } from './auth/challenge.ts';
import { findCredentials } from './auth/credentials.ts';
import { openAgents } from './http/agents.ts';
import { discard } from './http/body.ts';
import { maySpeakPlain } from './http/connection-error.ts';
import { type Endpoints, endpointsOf } from './http/endpoint.ts';
import {
  type Body,
  type HttpRequest,
  type HttpResponse,
  type Method,
  openHttp,
  type Send,
  type Timeouts,
} from './http/http.ts';
import type { Environment } from './http/proxy.ts';
import { followRedirects } from './http/redirect.ts';
import { responseError } from './http/response-error.ts';
import { DEFAULT_RETRY, isTransientStatus, type RetryPolicy, retrying } from './http/retry.ts';

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
  /** Token servers that may get the credentials although they are not of the registry's domain: host names. */
  readonly trustedRealms?: readonly string[] | undefined;
  readonly retry?: RetryPolicy | undefined;
  /** The most bytes of a manifest or index. Default 4 MiB. */
  readonly documentLimit?: number | undefined;
  readonly timeouts?: Timeouts | undefined;
  /** Variables that name proxies, files of credentials and certificates. Default: the process's environment. */
  readonly env?: Environment | undefined;
}

/** What a request does: it decides what a token must allow, and how an error begins. */
export type Access =
  | { readonly kind: 'get' }
  /** `from`: a repository of the same registry whose blobs may be mounted. */
  | { readonly kind: 'push'; readonly from?: string | undefined }
  | { readonly kind: 'delete' }
  /** Asks the registry itself, of which no repository must be allowed: whether it takes the credentials. */
  | { readonly kind: 'check' };

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
  /** Empty for the registry itself, of which only `check` can be asked. */
  readonly repository: string;
  /**
   * Sends a request once, with authorization.
   * @throws for transient statuses and refused authentication; the caller judges other statuses, and all of a HEAD's
   */
  attempt(request: SessionRequest): Promise<HttpResponse>;
  /** Sends a request without credentials, to any host: for foreign layers. */
  readonly sendAnonymous: Send;
  /** Repeats an attempt as the policy allows. */
  retrying<T>(what: string, attempt: () => Promise<T>): Promise<T>;
  readonly retry: RetryPolicy;
  /** As in `RegistryOptions`. */
  readonly documentLimit: number | undefined;
  readonly context: Context;
  close(): void;
}

/**
 * Chooses the endpoint: TLS, or plain HTTP where that is allowed and TLS does not answer. The probe carries no secrets.
 */
async function chooseEndpoint(candidates: Endpoints, send: Send, signal?: AbortSignal): Promise<URL> {
  const [first, second] = candidates;
  if (second === undefined) return first;
  try {
    await discard(await send({ method: 'GET', url: new URL('/v2/', first), signal }));
    return first;
  } catch (error) {
    if (!maySpeakPlain(error)) throw error;
    return second;
  }
}

/** What an account must be allowed to do, for the hint of a refusal. */
const NEED = { get: 'read it', push: 'write to it', delete: 'delete from it', check: 'log in' } as const;

/** The scopes that a request's token must have. Distribution spec, "Token Scope Documentation" */
function scopeOf(repository: string, access: Access): string {
  if (access.kind === 'check') return '';
  if (access.kind === 'get') return `repository:${repository}:pull`;
  if (access.kind === 'delete') return `repository:${repository}:pull,delete`;
  const { from } = access;
  return `repository:${repository}:pull,push${from === undefined ? '' : ` repository:${from}:pull`}`;
}

interface Asking {
  readonly send: Send;
  readonly authorizer: Authorizer;
  readonly repository: string;
  readonly access: Access;
  /** The beginning of an error: `cannot get manifest of alpine:3.9`. */
  readonly failure: string;
  /** Answers the 401 of another registry, to which ours redirected. */
  answerElsewhere(response: HttpResponse, request: HttpRequest): Promise<HttpResponse>;
}

/**
 * Answers the 401 of a registry behind another one (vanity names redirect all requests): a token is requested without
 * credentials, and is sent to that registry alone, for the life of the session.
 */
function answeringElsewhere(send: Send, direct: Send): Asking['answerElsewhere'] {
  const authorizers = new Map<string, Authorizer>();
  return async (response, request) => {
    const { url } = response;
    const repository = /^\/v2\/(.+)\/(?:manifests|blobs|tags|referrers)\//.exec(url.pathname)?.[1];
    if (repository === undefined) return response;
    const endpoint = new URL('/', url);
    const authorizer =
      authorizers.get(url.origin) ??
      createAuthorizer({ endpoint, send: direct, findCredentials: async () => undefined, trustedRealms: [] });
    authorizers.set(url.origin, authorizer);
    const challenges = parseChallenges(response.headers['www-authenticate'] ?? '');
    const header = await authorizer.answer(challenges, `repository:${repository}:pull`, undefined);
    if (header === undefined) return response;
    await discard(response);
    return send({ ...request, url, headers: { ...request.headers, authorization: header } });
  };
}

/**
 * Sends a request and answers one 401 with credentials: a token that expires during a pull is renewed once, never in a
 * loop.
 */
async function sendAuthorized(
  request: HttpRequest,
  { send, authorizer, access, repository, failure, answerElsewhere }: Asking,
): Promise<HttpResponse> {
  const scope = scopeOf(repository, access);
  const ask = (authorization: string | undefined) =>
    send({ ...request, headers: { ...request.headers, ...(authorization === undefined ? {} : { authorization }) } });
  const first = authorizer.header(scope);
  let response = await ask(first);
  if (response.status === 401 && response.url.origin === request.url.origin) {
    const challenges = parseChallenges(response.headers['www-authenticate'] ?? '');
    const header = await authorizer.answer(challenges, scope, first);
    if (header !== undefined) {
      await discard(response);
      response = await ask(header);
    }
  }
  // The host behind a redirect must not get the credentials (CVE-2020-15157), but may give a token to anonymous
  // clients.
  if (response.status === 401 && response.url.origin !== request.url.origin) {
    response = await answerElsewhere(response, request);
  }
  // A refused HEAD has no body: the caller repeats the request with GET.
  if (request.method === 'HEAD' || (response.status !== 401 && response.status !== 403)) return response;
  const error = await responseError(response, failure);
  if (response.url.origin !== request.url.origin) {
    if (!response.url.pathname.startsWith('/v2/')) throw error;
    const { host } = response.url;
    const hint = `${request.url.host} redirects to ${host}, which must not get its credentials: pull from there`;
    throw new TsimgError('AUTHENTICATION_DENIED', error.what, { ...error, hint });
  }
  throw await authorizer.refusal(error, NEED[access.kind]);
}

/**
 * Opens a session. No connection is made before the first request.
 * @param login makes it the session of a login, which tests the credentials of the options
 * @throws REFERENCE_INVALID
 */
export function openSession(
  { registry, repository }: { readonly registry: string; readonly repository: string },
  options: RegistryOptions,
  login?: LoginHooks,
): Session {
  const { tlsVerify, certDir, authFile, signal, onEvent, trustedRealms = [], retry = DEFAULT_RETRY } = options;
  const env = options.env ?? process.env;
  const candidates = endpointsOf(registry, tlsVerify);
  const agents = openAgents({ registry, endpoint: candidates[0], env, certDir });
  const direct = openHttp({ agents, tlsVerify: tlsVerify !== false, timeouts: options.timeouts });
  const following = followRedirects(direct, tlsVerify === false);
  const context: Context = { signal, onEvent };
  const answerElsewhere = answeringElsewhere(following, direct);

  let opened: Promise<{ endpoint: URL; authorizer: Authorizer }> | undefined;
  const open = async () => {
    const endpoint = await chooseEndpoint(candidates, following, signal);
    const find = async () =>
      options.credentials ?? findCredentials(registry, repository, { authFile, env, signal, onEvent });
    const authorizer = createAuthorizer({ endpoint, send: direct, findCredentials: find, trustedRealms, login });
    return { endpoint, authorizer };
  };

  return {
    repository,
    attempt: async ({ method, access = GET, path, headers, body, what, signal: own = signal }) => {
      opened ??= open();
      const { endpoint, authorizer } = await opened.catch((error: unknown) => {
        opened = undefined; // the next attempt may succeed
        throw error;
      });
      const url = new URL(path, endpoint);
      const request = { method, url, headers, body, signal: own };
      const failure = `cannot ${access.kind} ${what}`;
      const asking = { send: following, authorizer, repository, access, failure, answerElsewhere };
      // An upload may go to another host, which must not get the registry's credentials.
      const response = await (url.origin === endpoint.origin ? sendAuthorized(request, asking) : following(request));
      if (isTransientStatus(response.status)) throw await responseError(response, failure);
      return response;
    },
    sendAnonymous: following,
    retrying: (what, attempt) => retrying({ what, policy: retry, context }, attempt),
    retry,
    documentLimit: options.documentLimit,
    context,
    close: agents.close,
  };
}

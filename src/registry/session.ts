import { TsimgError } from '../errors.ts';
import type { Context } from '../events.ts';
import type { Credentials } from './auth/auth-file.ts';
import { type Authorizer, createAuthorizer } from './auth/authorizer.ts';
import { parseChallenges } from './auth/challenge.ts';
import { findCredentials } from './auth/credentials.ts';
import { openAgents } from './http/agents.ts';
import { discard } from './http/body.ts';
import { maySpeakPlain } from './http/connection-error.ts';
import { type Endpoints, endpointsOf } from './http/endpoint.ts';
import { type HttpRequest, type HttpResponse, openHttp, type Send, type Timeouts } from './http/http.ts';
import type { Environment } from './http/proxy.ts';
import { followRedirects } from './http/redirect.ts';
import { responseError } from './http/response-error.ts';
import { DEFAULT_RETRY, isTransientStatus, type RetryPolicy, retrying } from './http/retry.ts';

/** How a registry is spoken to. */
export interface RegistryOptions extends Context {
  /** False: certificates are not checked, and plain HTTP is taken where there is no TLS. True: TLS even on loopback. */
  readonly tlsVerify?: boolean | undefined;
  /** The folder of a registry's own authorities and client certificates (`--cert-dir`). */
  readonly certDir?: string | undefined;
  readonly authFile?: string | undefined;
  /** Instead of any that are stored (`--creds`). */
  readonly credentials?: Credentials | undefined;
  /** Hosts that may be given the credentials as token servers though they are of another domain than the registry. */
  readonly trustedRealms?: readonly string[] | undefined;
  readonly retry?: RetryPolicy | undefined;
  /** The largest manifest or index: bytes, 4 MiB when absent. */
  readonly documentLimit?: number | undefined;
  readonly timeouts?: Timeouts | undefined;
  /** Proxies, files of credentials and certificates are named here; the process's own when absent. */
  readonly env?: Environment | undefined;
}

export interface SessionRequest {
  readonly method: 'GET' | 'HEAD';
  /** Below the endpoint, or a whole URL of the same origin. */
  readonly path: string | URL;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** For errors and events: `manifest of alpine:3.9`. */
  readonly what: string;
  readonly signal?: AbortSignal | undefined;
}

/** One repository of a registry: connections, credentials and tokens. */
export interface Session {
  readonly repository: string;
  /**
   * One attempt, authorized. @throws for transient and authentication statuses; others, and all of a HEAD's, are the
   * caller's to judge
   */
  attempt(request: SessionRequest): Promise<HttpResponse>;
  /** Anonymous, anywhere: foreign layers. */
  readonly sendAnonymous: Send;
  /** As many attempts as the policy allows. */
  retrying<T>(what: string, attempt: () => Promise<T>): Promise<T>;
  readonly retry: RetryPolicy;
  /** As in `RegistryOptions`. */
  readonly documentLimit: number | undefined;
  readonly context: Context;
  close(): void;
}

/**
 * The endpoint that answers: TLS, and where plain HTTP is allowed, that if there is no TLS. Nothing secret is sent to
 * find out.
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

interface Asking {
  readonly send: Send;
  readonly authorizer: Authorizer;
  readonly scope: string;
  readonly what: string;
  /** Answers the 401 of another registry that ours redirected to. */
  answerElsewhere(response: HttpResponse, request: HttpRequest): Promise<HttpResponse>;
}

/**
 * Registries in front of others (vanity names) redirect all requests: what such another one wants is asked for without
 * credentials, and what it gives goes to itself alone, for as long as the session lives.
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
 * Asks, and answers one 401 with credentials: a token that ran out in the middle of a pull is renewed once, never in a
 * loop.
 */
async function sendAuthorized(
  request: HttpRequest,
  { send, authorizer, scope, what, answerElsewhere }: Asking,
): Promise<HttpResponse> {
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
  // Whoever it was redirected to may ask for credentials: they are not for them (CVE-2020-15157), but a token for
  // nobody in particular may be had there.
  if (response.status === 401 && response.url.origin !== request.url.origin) {
    response = await answerElsewhere(response, request);
  }
  // A refused HEAD has no words: whoever asked asks again by GET.
  if (request.method === 'HEAD' || (response.status !== 401 && response.status !== 403)) return response;
  const error = await responseError(response, `cannot get ${what}`);
  if (response.url.origin !== request.url.origin) {
    if (!response.url.pathname.startsWith('/v2/')) throw error;
    const hint = `${request.url.host} redirects to ${response.url.host}, which must not get its credentials: name the image there`;
    throw new TsimgError('AUTHENTICATION_DENIED', error.what, { ...error, hint });
  }
  throw await authorizer.refusal(error);
}

/** Opens no connection yet. @throws REFERENCE_INVALID */
export function openSession(
  { registry, repository }: { readonly registry: string; readonly repository: string },
  options: RegistryOptions,
): Session {
  const { tlsVerify, certDir, authFile, signal, onEvent, trustedRealms = [], retry = DEFAULT_RETRY } = options;
  const env = options.env ?? process.env;
  const candidates = endpointsOf(registry, tlsVerify);
  const agents = openAgents({ registry, endpoint: candidates[0], env, certDir });
  const direct = openHttp({ agents, tlsVerify: tlsVerify !== false, timeouts: options.timeouts });
  const following = followRedirects(direct, tlsVerify === false);
  const context: Context = { signal, onEvent };
  const scope = `repository:${repository}:pull`;
  const answerElsewhere = answeringElsewhere(following, direct);

  let opened: Promise<{ endpoint: URL; authorizer: Authorizer }> | undefined;
  const open = async () => {
    const endpoint = await chooseEndpoint(candidates, following, signal);
    const find = async () =>
      options.credentials ?? findCredentials(registry, repository, { authFile, env, signal, onEvent });
    return { endpoint, authorizer: createAuthorizer({ endpoint, send: direct, findCredentials: find, trustedRealms }) };
  };

  return {
    repository,
    attempt: async ({ method, path, headers, what, signal: own = signal }) => {
      opened ??= open();
      const { endpoint, authorizer } = await opened.catch((error: unknown) => {
        opened = undefined; // the next attempt may have more luck
        throw error;
      });
      const request = { method, url: new URL(path, endpoint), headers, signal: own };
      const asking = { send: following, authorizer, scope, what, answerElsewhere };
      const response = await sendAuthorized(request, asking);
      if (isTransientStatus(response.status)) throw await responseError(response, `cannot get ${what}`);
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

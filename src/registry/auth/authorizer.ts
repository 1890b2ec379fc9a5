import { TsimgError } from '../../errors.ts';
import type { Send } from '../http/http.ts';
import { waitFor } from '../http/wait-for.ts';
import type { Credentials } from './auth-file.ts';
import type { Challenge } from './challenge.ts';
import { checkRealm } from './realm.ts';
import {
  type BearerToken,
  basicHeader,
  CREDENTIALS_HINT,
  fetchOfflineToken,
  fetchToken,
  scopesOf,
  tokenRequest,
} from './token.ts';

/**
 * What a login learns from an authorizer. A token that a server gave to a client without credentials proves nothing
 * about them, so the login fails where tsimg must withhold them from the token server.
 */
export interface LoginHooks {
  /** Called when the credentials are offered to a server. */
  onOffer(): void;
  /** Called with a token that a token server gives for keeping, in the place of the password. */
  onIdentityToken(token: string): void;
}

export interface AuthorizerOptions {
  /** The origin that the credentials are for. */
  readonly endpoint: URL;
  /** Sends requests to token servers; must not follow redirects. */
  readonly send: Send;
  /** Called at the first challenge: a registry that needs no credentials costs no look-up. */
  findCredentials(): Promise<Credentials | undefined>;
  /** Hosts that the user trusts as token servers. */
  readonly trustedRealms: readonly string[];
  readonly login?: LoginHooks | undefined;
  readonly now?: (() => number) | undefined;
}

/**
 * Makes the Authorization headers for one registry, by scope (`repository:NAME:pull`). Holds the tokens; shows none.
 */
export interface Authorizer {
  /**
   * Returns the header for a first request: a token that is still fresh, or Basic where the registry asked for it
   * before, else a token for the scope by the last challenge, which saves a request that would be refused. Undefined
   * where that gives no token: the answer to the request then tells why.
   */
  foresee(scope: string, signal?: AbortSignal): Promise<string | undefined>;
  /**
   * Returns the header that answers a 401; undefined when there is nothing (more) to offer.
   * @param signal ends the wait for a token; the exchange goes on, for the requests that share it
   * @throws as fetchToken and checkRealm
   */
  answer(challenges: readonly Challenge[], refused: Refused, signal?: AbortSignal): Promise<string | undefined>;
  /**
   * Makes the error for a final refusal, from the plain error of its response. @param need what an account must be
   * allowed to do: `read it`
   */
  refusal(error: TsimgError, need: string): Promise<TsimgError>;
}

/** A request that was answered with 401. */
export interface Refused {
  readonly scope: string;
  /** The header that was sent: it is not offered again. */
  readonly header: string | undefined;
}

interface Held {
  token?: BearerToken;
  /** Concurrent requests share one exchange. */
  renewal?: Promise<BearerToken> | undefined;
}

/** The most scopes of which tokens are held. */
const MAX_HELD = 1000;

export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  const { endpoint, send, trustedRealms, login, now = Date.now } = options;
  const held = new Map<string, Held>();
  let basic: string | undefined;
  let lastBearer: Challenge | undefined;
  let withheldFrom: string | undefined;
  let lookUp: Promise<Credentials | undefined> | undefined;
  const credentialsOnce = () => {
    lookUp ??= options.findCredentials();
    return lookUp;
  };

  const withheldHint = (host: string) =>
    `${host} did not get your credentials: it is not ${endpoint.hostname}'s; see --trust-realm`;

  const freshHeader = (entry: Held | undefined): string | undefined =>
    entry?.token !== undefined && entry.token.freshUntil > now() ? `Bearer ${entry.token.value}` : undefined;

  /** Connections may live as long as a server, and be asked for any number of repositories. */
  const dropStale = () => {
    for (const [scope, entry] of held) {
      if (entry.renewal === undefined && freshHeader(entry) === undefined) held.delete(scope);
    }
    for (const [scope, { renewal }] of held) {
      if (held.size < MAX_HELD) break;
      if (renewal === undefined) held.delete(scope);
    }
  };

  const exchange = async (challenge: Challenge, scope: string): Promise<BearerToken> => {
    const credentials = await credentialsOnce();
    if (credentials?.kind === 'registry-token')
      return { value: credentials.token, freshUntil: Number.POSITIVE_INFINITY };
    const realm = checkRealm(challenge.parameters.get('realm') ?? '', endpoint, trustedRealms);
    if (credentials !== undefined && !realm.trusted) withheldFrom = realm.url.host;
    const question = { challenge, realm, scopes: scopesOf(challenge, scope), credentials };
    if (login === undefined) return fetchToken(send, tokenRequest(question), now);
    if (withheldFrom !== undefined) {
      throw new TsimgError('AUTHENTICATION_DENIED', 'cannot check the credentials', {
        hint: withheldHint(withheldFrom),
      });
    }
    login.onOffer();
    const token = await fetchOfflineToken(send, question, now);
    if (token.identityToken !== undefined) login.onIdentityToken(token.identityToken);
    return token;
  };

  const bearer = async (challenge: Challenge, { scope, header }: Refused, signal?: AbortSignal): Promise<string> => {
    signal?.throwIfAborted();
    const mine = held.get(scope) ?? {};
    if (held.size >= MAX_HELD) dropStale();
    held.set(scope, mine);
    const current = freshHeader(mine);
    // Another request may have renewed the token since this one was sent.
    if (mine.renewal === undefined && current !== undefined && current !== header) return current;
    mine.renewal ??= exchange(challenge, scope)
      .then((token) => {
        mine.token = token;
        lastBearer = challenge;
        return token;
      })
      .finally(() => {
        mine.renewal = undefined;
      });
    return `Bearer ${(await waitFor(mine.renewal, signal)).value}`;
  };

  /** The header of a token that a challenge for another scope leads to. */
  const foreseen = async (
    { scheme, parameters }: Challenge,
    scope: string,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> => {
    const others = new Map([...parameters].filter(([name]) => name !== 'scope' && name !== 'error'));
    try {
      return await bearer({ scheme, parameters: others }, { scope, header: undefined }, signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof TsimgError) return undefined;
      throw error;
    }
  };

  return {
    foresee: async (scope, signal) => {
      const header = freshHeader(held.get(scope)) ?? basic;
      return header === undefined && lastBearer !== undefined ? foreseen(lastBearer, scope, signal) : header;
    },
    answer: async (challenges, refused, signal) => {
      const asksBasic = challenges.some((challenge) => challenge.scheme === 'basic');
      const bearerChallenge = challenges.find(
        ({ scheme, parameters }) => scheme === 'bearer' && parameters.has('realm'),
      );
      if (bearerChallenge !== undefined) {
        try {
          const header = await bearer(bearerChallenge, refused, signal);
          if (header !== refused.header) return header;
        } catch (error) {
          signal?.throwIfAborted();
          if (!asksBasic || !(error instanceof TsimgError) || error.code !== 'AUTHENTICATION_DENIED') throw error;
        }
      }
      const credentials = asksBasic ? await credentialsOnce() : undefined;
      if (credentials?.kind !== 'basic') return undefined;
      basic = basicHeader(credentials.username, credentials.password);
      login?.onOffer();
      return basic === refused.header ? undefined : basic;
    },
    refusal: async ({ what, why: answer, where, facts }, need) => {
      const known = (await credentialsOnce()) !== undefined;
      // A registry that has got Basic credentials and asks again has refused them.
      const isRefused = basic !== undefined && facts.status === 401;
      const why = isRefused ? `the registry refuses the credentials (${answer})` : answer;
      const hint =
        withheldFrom !== undefined
          ? withheldHint(withheldFrom)
          : isRefused
            ? CREDENTIALS_HINT
            : known
              ? `check the name, and log in with an account that may ${need}`
              : 'check the name; if it is private, log in by tsimg login, or give --creds or --authfile';
      return new TsimgError(known ? 'AUTHENTICATION_DENIED' : 'AUTHENTICATION_REQUIRED', what, {
        where,
        why,
        hint,
        facts,
      });
    },
  };
}

import { TsimgError } from '../../errors.ts';
import type { Send } from '../http/http.ts';
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
 * What a login wants to know. A token that a server gave without the credentials proves nothing, so a login is refused
 * where they must be withheld.
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
  /** The header for a first request: a token that is still fresh, or Basic where the registry asked for it before. */
  header(scope: string): string | undefined;
  /**
   * Returns the header that answers a 401; undefined when there is nothing (more) to offer.
   * @param rejected the header that was sent: it is not offered again
   * @throws as fetchToken and checkRealm
   */
  answer(challenges: readonly Challenge[], scope: string, rejected: string | undefined): Promise<string | undefined>;
  /** Makes the error for a final refusal, from the plain error of its response. @param need what an account must be allowed to do: `read it` */
  refusal(error: TsimgError, need: string): Promise<TsimgError>;
}

interface Held {
  token?: BearerToken;
  /** Concurrent requests share one exchange. */
  renewal?: Promise<BearerToken> | undefined;
}

export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  const { endpoint, send, trustedRealms, login, now = Date.now } = options;
  const held = new Map<string, Held>();
  let basic: string | undefined;
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

  const bearer = async (challenge: Challenge, scope: string, rejected: string | undefined): Promise<string> => {
    const mine = held.get(scope) ?? {};
    held.set(scope, mine);
    const current = freshHeader(mine);
    // Another request may have renewed the token since this one was sent.
    if (mine.renewal === undefined && current !== undefined && current !== rejected) return current;
    mine.renewal ??= exchange(challenge, scope).finally(() => {
      mine.renewal = undefined;
    });
    mine.token = await mine.renewal;
    return `Bearer ${mine.token.value}`;
  };

  return {
    header: (scope) => freshHeader(held.get(scope)) ?? basic,
    answer: async (challenges, scope, rejected) => {
      const asksBasic = challenges.some((challenge) => challenge.scheme === 'basic');
      const bearerChallenge = challenges.find(
        ({ scheme, parameters }) => scheme === 'bearer' && parameters.has('realm'),
      );
      if (bearerChallenge !== undefined) {
        try {
          const header = await bearer(bearerChallenge, scope, rejected);
          if (header !== rejected) return header;
        } catch (error) {
          if (!asksBasic || !(error instanceof TsimgError) || error.code !== 'AUTHENTICATION_DENIED') throw error;
        }
      }
      const credentials = asksBasic ? await credentialsOnce() : undefined;
      if (credentials?.kind !== 'basic') return undefined;
      basic = basicHeader(credentials.username, credentials.password);
      login?.onOffer();
      return basic === rejected ? undefined : basic;
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

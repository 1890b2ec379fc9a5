import { TsimgError } from '../../errors.ts';
import { checkDocument, parseJson } from '../../oci/document.ts';
import * as z from '../../schema/zod.ts';
import { redactUrl } from '../failure/redact.ts';
import { readBody } from '../http/body.ts';
import type { HttpRequest, Send } from '../http/http.ts';
import { htmlError, isHtml, responseError } from '../http/response-error.ts';
import type { Credentials } from './auth-file.ts';
import type { Challenge } from './challenge.ts';
import type { Realm } from './realm.ts';

/** The most bytes of a token server's answer. */
const MAX_TOKEN_BODY = 1024 * 1024;
/** Seconds that a token without `expires_in` lives. Distribution spec, token authentication. */
const DEFAULT_LIFETIME = 60;
/** Milliseconds before its end at which a token is renewed, so that it does not expire on its way. */
const MARGIN = 5_000;

/** The hint for refused credentials. */
export const CREDENTIALS_HINT = 'check the user name and the password, or log in again';

export interface BearerToken {
  readonly value: string;
  /** The time (Date.now()) until which the token is used. */
  readonly freshUntil: number;
  /** The token that the server gave beside it, to be kept in the place of a password. */
  readonly identityToken?: string | undefined;
}

/** The syntax of a token. Any other text could not stand in a header, or would end it. RFC 6750, section 2.1. */
const tokenText = z
  .string()
  .check(z.maxLength(256 * 1024), z.regex(/^[A-Za-z0-9._~+/-]+=*$/, { error: 'not a token' }));

const answerSchema = z.object({
  token: z.nullish(z.union([tokenText, z.literal('')])),
  access_token: z.nullish(z.union([tokenText, z.literal('')])),
  expires_in: z.nullish(z.number().check(z.gte(0), z.lte(1e9))),
  // OAuth 2's name, and another one that servers give it. It goes into a form, so that it may be any text.
  refresh_token: z.nullish(z.string().check(z.maxLength(256 * 1024))),
  identity_token: z.nullish(z.string().check(z.maxLength(256 * 1024))),
});

export function basicHeader(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** The scopes to request: the challenge's and our own, each once; both are separated by blanks. RFC 6749, 3.3 */
export function scopesOf(challenge: Challenge, own: string): readonly string[] {
  const asked = (challenge.parameters.get('scope') ?? '').split(' ').filter(Boolean);
  return [...new Set([...asked, ...own.split(' ')])].filter(Boolean);
}

export interface TokenQuestion {
  readonly challenge: Challenge;
  readonly realm: Realm;
  readonly scopes: readonly string[];
  /** Sent only to a trusted realm. */
  readonly credentials: Credentials | undefined;
}

/**
 * Makes the request for a token: GET with Basic credentials or none; POST for an identity token, which is exchanged
 * (OAuth 2, refresh_token).
 */
export function tokenRequest({ challenge, realm, scopes, credentials }: TokenQuestion): HttpRequest {
  const service = challenge.parameters.get('service');
  const offered = realm.trusted ? credentials : undefined;
  if (offered?.kind === 'identity-token') {
    const form = new URLSearchParams({ grant_type: 'refresh_token', client_id: 'tsimg' });
    if (service !== undefined) form.set('service', service);
    form.set('scope', scopes.join(' '));
    form.set('refresh_token', offered.token);
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return { method: 'POST', url: realm.url, headers, body: form.toString() };
  }
  const url = new URL(realm.url);
  if (service !== undefined) url.searchParams.set('service', service);
  url.searchParams.delete('scope');
  for (const scope of scopes) url.searchParams.append('scope', scope);
  if (offered?.kind !== 'basic') return { method: 'GET', url };
  url.searchParams.set('account', offered.username);
  return { method: 'GET', url, headers: { authorization: basicHeader(offered.username, offered.password) } };
}

/**
 * Fetches a token. `send` must not follow redirects: the target would be a token server that was not checked.
 * @throws AUTHENTICATION_DENIED, REGISTRY_ERROR, REGISTRY_UNREACHABLE, DOCUMENT_INVALID
 */
export async function fetchToken(send: Send, request: HttpRequest, now: () => number): Promise<BearerToken> {
  const response = await send(request);
  if (response.status !== 200) {
    const denied = [400, 401, 403].includes(response.status);
    const isOffered = request.headers?.authorization !== undefined || request.body !== undefined;
    const what = isOffered ? 'the token server refuses the credentials' : 'the token server refuses';
    if (!denied) throw await responseError(response, 'the token server refuses');
    const hint = isOffered
      ? CREDENTIALS_HINT
      : 'check the name; if it is private, log in by tsimg login, or give --creds or --authfile';
    throw await responseError(response, what, { code: 'AUTHENTICATION_DENIED', hint });
  }
  const where = redactUrl(response.url);
  const body = await readBody(response, MAX_TOKEN_BODY, request.signal);
  if (isHtml(body)) throw htmlError('a token', response, body);
  const answer = checkDocument(answerSchema, parseJson(body, 'token', where), 'token', where);
  const value = answer.token || answer.access_token;
  if (!value)
    throw new TsimgError('DOCUMENT_INVALID', 'token is not valid', { where, why: 'there is none in the answer' });
  const lifetime = answer.expires_in || DEFAULT_LIFETIME;
  const identityToken = answer.refresh_token || answer.identity_token || undefined;
  return { value, freshUntil: now() + Math.max(0, lifetime * 1000 - MARGIN), identityToken };
}

/** The request for a token that comes with an identity token. Distribution spec, "Authenticate by OAuth2". */
function passwordRequest(question: TokenQuestion, username: string, password: string): HttpRequest {
  const form = new URLSearchParams({ grant_type: 'password', client_id: 'tsimg', access_type: 'offline' });
  const service = question.challenge.parameters.get('service');
  if (service !== undefined) form.set('service', service);
  if (question.scopes.length > 0) form.set('scope', question.scopes.join(' '));
  form.set('username', username);
  form.set('password', password);
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return { method: 'POST', url: question.realm.url, headers, body: form.toString() };
}

/**
 * Fetches a token by a password, and an identity token where the server gives one: by POST, else by GET. Many servers
 * know GET alone, and answer a POST with any status; some give everybody a token there. So only an answer to POST with
 * an identity token counts.
 * @throws as `fetchToken`
 */
export async function fetchOfflineToken(send: Send, question: TokenQuestion, now: () => number): Promise<BearerToken> {
  const { credentials, realm } = question;
  const request = tokenRequest(question);
  if (credentials?.kind !== 'basic' || !realm.trusted) return fetchToken(send, request, now);
  try {
    const token = await fetchToken(send, passwordRequest(question, credentials.username, credentials.password), now);
    if (token.identityToken !== undefined) return token;
  } catch (error) {
    if (!(error instanceof TsimgError) || error.code === 'REGISTRY_UNREACHABLE') throw error;
  }
  request.url.searchParams.set('client_id', 'tsimg');
  request.url.searchParams.set('offline_token', 'true');
  return fetchToken(send, request, now);
}

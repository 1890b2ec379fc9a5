import { Readable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import type { Credentials } from '../../../src/registry/auth/auth-file.ts';
import { createAuthorizer } from '../../../src/registry/auth/authorizer.ts';
import { parseChallenges } from '../../../src/registry/auth/challenge.ts';
import type { HttpRequest } from '../../../src/registry/http/http.ts';
import { failureOf } from '../../support/failure-of.ts';

const test = suite('registry/auth/authorizer');

const PLAIN = new TsimgError('REGISTRY_ERROR', 'cannot get it', { why: 'HTTP 401', facts: { status: 401 } });
const SCOPE = 'repository:a:pull';
const FIRST = { scope: SCOPE, header: undefined };

/** An authorizer for registry.example.com; the token server gives any token, and requests to it are logged. */
function authorizerWith(credentials: Credentials | undefined, trustedRealms: readonly string[] = []) {
  const log: HttpRequest[] = [];
  const authorizer = createAuthorizer({
    endpoint: new URL('https://registry.example.com/'),
    send: async (request) => {
      log.push(request);
      return { status: 200, headers: {}, url: request.url, body: Readable.from([Buffer.from('{"token":"abc"}')]) };
    },
    findCredentials: async () => credentials,
    trustedRealms,
  });
  return { authorizer, log };
}

const asking = (realm: string, more = '') => parseChallenges(`Bearer realm="${realm}",service="s"${more}`);
const USER: Credentials = { kind: 'basic', username: 'me', password: 'sesame' };
const IDENTITY: Credentials = { kind: 'identity-token', token: 'sesame' };

test('a token server of another domain is asked without credentials', async () => {
  for (const credentials of [USER, IDENTITY]) {
    const { authorizer, log } = authorizerWith(credentials);
    assert.is(await authorizer.answer(asking('https://evil.test/token'), FIRST), 'Bearer abc');
    assert.is(log[0]?.method, 'GET');
    assert.not.match(JSON.stringify(log), /sesame|authorization|"me"/i);
  }
});

test('when that is not enough, the refusal names the server that did not get the credentials', async () => {
  const { authorizer } = authorizerWith(USER);
  await authorizer.answer(asking('https://sso.test/token'), FIRST);
  const error = await authorizer.refusal(PLAIN, 'read it');
  assert.is(error.code, 'AUTHENTICATION_DENIED');
  assert.match(error.hint ?? '', 'sso.test');
});

test('a token server that the user names gets them', async () => {
  const { authorizer, log } = authorizerWith(USER, ['sso.test']);
  await authorizer.answer(asking('https://sso.test/token'), FIRST);
  assert.match(log[0]?.headers?.authorization ?? '', /^Basic /);
});

test('a token server in plain HTTP is not asked at all', async () => {
  const { authorizer, log } = authorizerWith(USER);
  await failureOf(authorizer.answer(asking('http://registry.example.com/token'), FIRST), 'REGISTRY_ERROR');
  assert.equal(log, []);
});

test('the challenge’s scope and ours are requested, each once, as parameters and never as text', async () => {
  const { authorizer, log } = authorizerWith(undefined);
  const scope = `,scope="${SCOPE} registry:catalog:*&account=evil"`;
  await authorizer.answer(asking('https://registry.example.com/token?tenant=1', scope), FIRST);
  const query = log[0]?.url.searchParams;
  assert.equal(query?.getAll('scope'), [SCOPE, 'registry:catalog:*&account=evil']);
  assert.is(query?.get('tenant'), '1');
  assert.is(query?.get('account'), null);
});

test('a rejected token is not offered again', async () => {
  const { authorizer, log } = authorizerWith(USER);
  const challenges = asking('https://registry.example.com/token');
  assert.is(await authorizer.answer(challenges, FIRST), 'Bearer abc');
  assert.is(await authorizer.answer(challenges, { scope: SCOPE, header: 'Bearer abc' }), undefined);
  assert.is(log.length, 2);
});

test('a registry that asks for an unknown scheme gets nothing', async () => {
  const { authorizer } = authorizerWith(undefined);
  assert.is(await authorizer.answer(parseChallenges('Basic realm="r"'), FIRST), undefined);
  assert.is(await authorizer.answer(parseChallenges('Negotiate'), FIRST), undefined);
  const error = await authorizer.refusal(PLAIN, 'read it');
  assert.is(error.code, 'AUTHENTICATION_REQUIRED');
  assert.equal(error.facts, PLAIN.facts);
});

test('the error says that the registry refused the user name and the password', async () => {
  const { authorizer } = authorizerWith(USER);
  const header = await authorizer.answer(parseChallenges('Basic realm="r"'), FIRST);
  assert.match(header ?? '', /^Basic /);
  const error = await authorizer.refusal(PLAIN, 'read it');
  assert.is(error.code, 'AUTHENTICATION_DENIED');
  assert.match(error.why ?? '', 'the registry refuses the credentials');
  assert.match(error.hint ?? '', 'the password');
  const other = await authorizer.refusal(
    new TsimgError('REGISTRY_ERROR', 'cannot get it', { facts: { status: 403 } }),
    'read it',
  );
  assert.not.match(other.message, 'refuses the credentials');
});

test('the error of a refusing token server names the request and the remedy', async () => {
  for (const [credentials, what, hint] of [
    [USER, 'refuses the credentials', 'the password'],
    [undefined, 'the token server refuses', '--creds'],
  ] as const) {
    const authorizer = createAuthorizer({
      endpoint: new URL('https://registry.example.com/'),
      send: async ({ url }) => ({ status: 401, headers: {}, url, body: Readable.from([]) }),
      findCredentials: async () => credentials,
      trustedRealms: [],
    });
    const challenges = asking('https://registry.example.com/token');
    const error = await failureOf(authorizer.answer(challenges, FIRST), 'AUTHENTICATION_DENIED');
    assert.match(error.what, what);
    assert.match(error.hint ?? '', hint);
  }
});

test('tokens of a thousand scopes are held at most, the latest ones', async () => {
  const { authorizer, log } = authorizerWith(undefined);
  const scopes = Array.from({ length: 1500 }, (_, index) => `repository:a/${index}:pull`);
  const challenges = asking('https://auth.example.com/token');
  for (const scope of scopes) await authorizer.answer(challenges, { scope, header: undefined });
  for (const scope of scopes.slice(500)) assert.is(await authorizer.foresee(scope), 'Bearer abc');
  assert.is(log.length, 1500, 'the tokens of the latest thousand are still held');
  await authorizer.foresee(scopes[499] ?? '');
  assert.is(log.length, 1501);
});

test('an abort ends the wait for a token, and the request that shares the exchange gets the token', async () => {
  let answer: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    answer = resolve;
  });
  let sent = 0;
  const authorizer = createAuthorizer({
    endpoint: new URL('https://registry.example.com/'),
    send: async ({ url }) => {
      sent += 1;
      await gate;
      return { status: 200, headers: {}, url, body: Readable.from([Buffer.from('{"token":"abc"}')]) };
    },
    findCredentials: async () => undefined,
    trustedRealms: [],
  });
  const challenges = asking('https://registry.example.com/token');
  const stop = new AbortController();
  const aborted = authorizer.answer(challenges, FIRST, stop.signal).catch((error: unknown) => error);
  const patient = authorizer.answer(challenges, FIRST);
  stop.abort();
  const error = await aborted;
  assert.is(error instanceof Error && error.name, 'AbortError');
  answer();
  assert.is(await patient, 'Bearer abc');
  assert.is(await authorizer.foresee(SCOPE), 'Bearer abc', 'the token is held, although its first caller is gone');
  assert.is(sent, 1);
});

test.run();

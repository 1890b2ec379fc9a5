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
    assert.is(await authorizer.answer(asking('https://evil.test/token'), SCOPE, undefined), 'Bearer abc');
    assert.is(log[0]?.method, 'GET');
    assert.not.match(JSON.stringify(log), /sesame|authorization|"me"/i);
  }
});

test('when that is not enough, the refusal names the server that did not get the credentials', async () => {
  const { authorizer } = authorizerWith(USER);
  await authorizer.answer(asking('https://sso.test/token'), SCOPE, undefined);
  const error = await authorizer.refusal(PLAIN, 'read it');
  assert.is(error.code, 'AUTHENTICATION_DENIED');
  assert.match(error.hint ?? '', 'sso.test');
});

test('a token server that the user names gets them', async () => {
  const { authorizer, log } = authorizerWith(USER, ['sso.test']);
  await authorizer.answer(asking('https://sso.test/token'), SCOPE, undefined);
  assert.match(log[0]?.headers?.authorization ?? '', /^Basic /);
});

test('a token server in plain HTTP is not asked at all', async () => {
  const { authorizer, log } = authorizerWith(USER);
  await failureOf(authorizer.answer(asking('http://registry.example.com/token'), SCOPE, undefined), 'REGISTRY_ERROR');
  assert.equal(log, []);
});

test('the challenge’s scope and ours are requested, each once, as parameters and never as text', async () => {
  const { authorizer, log } = authorizerWith(undefined);
  const scope = `,scope="${SCOPE} registry:catalog:*&account=evil"`;
  await authorizer.answer(asking('https://registry.example.com/token?tenant=1', scope), SCOPE, undefined);
  const query = log[0]?.url.searchParams;
  assert.equal(query?.getAll('scope'), [SCOPE, 'registry:catalog:*&account=evil']);
  assert.is(query?.get('tenant'), '1');
  assert.is(query?.get('account'), null);
});

test('a rejected token is not offered again', async () => {
  const { authorizer, log } = authorizerWith(USER);
  const challenges = asking('https://registry.example.com/token');
  assert.is(await authorizer.answer(challenges, SCOPE, undefined), 'Bearer abc');
  assert.is(await authorizer.answer(challenges, SCOPE, 'Bearer abc'), undefined);
  assert.is(log.length, 2);
});

test('a registry that asks for an unknown scheme gets nothing', async () => {
  const { authorizer } = authorizerWith(undefined);
  assert.is(await authorizer.answer(parseChallenges('Basic realm="r"'), SCOPE, undefined), undefined);
  assert.is(await authorizer.answer(parseChallenges('Negotiate'), SCOPE, undefined), undefined);
  const error = await authorizer.refusal(PLAIN, 'read it');
  assert.is(error.code, 'AUTHENTICATION_REQUIRED');
  assert.equal(error.facts, PLAIN.facts);
});

test('the error says that the registry refused the user name and the password', async () => {
  const { authorizer } = authorizerWith(USER);
  const header = await authorizer.answer(parseChallenges('Basic realm="r"'), SCOPE, undefined);
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
    const error = await failureOf(authorizer.answer(challenges, SCOPE, undefined), 'AUTHENTICATION_DENIED');
    assert.match(error.what, what);
    assert.match(error.hint ?? '', hint);
  }
});

test.run();

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkCredentials } from '../../src/registry/login.ts';
import { failureOf } from '../support/failure-of.ts';
import { makeCertificate } from '../support/registry/certificate.ts';
import { type Exchange, type FakeRegistry, startFakeRegistry } from '../support/registry/fake-registry.ts';
import { tempDir } from '../support/temp-dir.ts';
import { haveTools } from '../support/tools.ts';

const test = suite('registry/login');

const ME = { username: 'me', password: 'open:sesame' };
const BASIC = `Basic ${Buffer.from('me:open:sesame').toString('base64')}`;
const OPTIONS = { env: { HOME: '/nonexistent' }, requests: { retries: 1, retryDelay: 1 } };
const BY_GET = '/token?service=fake&account=me&client_id=tsimg&offline_token=true';

const challenge = (header: string): Exchange => ({
  path: '/v2/',
  status: 401,
  headers: { 'www-authenticate': header },
});
const accepts = (authorization: string): Exchange => ({ path: '/v2/', when: { authorization }, body: '{}' });
const answer = (body: unknown, more: Partial<Exchange> = {}): Exchange => ({
  path: '/token',
  body: JSON.stringify(body),
  ...more,
});

/** A registry whose token server answers so. */
async function withTokens(answers: readonly Exchange[], use: (registry: FakeRegistry) => Promise<void>): Promise<void> {
  await using registry = await startFakeRegistry([accepts('Bearer good'), ...answers]);
  registry.expect(challenge(`Bearer realm="${registry.origin}/token",service="fake"`));
  await use(registry);
}

test('Basic credentials that the registry takes are right, others are denied', async () => {
  await using registry = await startFakeRegistry([accepts(BASIC), challenge('Basic realm="r"')]);
  assert.equal(await checkCredentials(registry.host, ME, OPTIONS), { identityToken: undefined, isTested: true });
  const wrong = { username: 'me', password: 'wr0ng' };
  const error = await failureOf(checkCredentials(registry.host, wrong, OPTIONS), 'AUTHENTICATION_DENIED');
  assert.match(error.message, 'the registry refuses the credentials');
  assert.not.match(`${error.message} ${error.hint} ${JSON.stringify(error.facts)} ${error.cause}`, /wr0ng|bWU6/);
});

test('a registry that registries.conf calls insecure needs no certificate that anybody trusts', async () => {
  if (!haveTools('openssl')) return;
  const tls = makeCertificate('IP:127.0.0.1');
  await using registry = await startFakeRegistry([accepts(BASIC), challenge('Basic realm="r"')], tls);
  await failureOf(checkCredentials(registry.host, ME, { ...OPTIONS, mirrors: false }), 'REGISTRY_UNREACHABLE');
  const registriesConf = join(tempDir(), 'registries.conf');
  writeFileSync(registriesConf, `[[registry]]\nlocation = "${registry.host}"\ninsecure = true\n`);
  const options = { ...OPTIONS, mirrors: { registriesConf } };
  assert.is((await checkCredentials(registry.host, ME, options)).isTested, true);
  await failureOf(checkCredentials(registry.host, ME, { ...options, tlsVerify: true }), 'REGISTRY_UNREACHABLE');
});

test('no login to a registry that is blocked', async () => {
  await using registry = await startFakeRegistry([accepts(BASIC), challenge('Basic realm="r"')]);
  const registriesConf = join(tempDir(), 'registries.conf');
  writeFileSync(registriesConf, `[[registry]]\nlocation = "${registry.host}"\nblocked = true\n`);
  const options = { ...OPTIONS, mirrors: { registriesConf } };
  const { where } = await failureOf(checkCredentials(registry.host, ME, options), 'REGISTRY_BLOCKED');
  assert.is(where, registriesConf);
  assert.equal(registry.requests, []);
});

test('a token server is asked by POST for an identity token, with no scope and nothing secret in the URL', async () => {
  const given = answer({ access_token: 'good', refresh_token: 'keep me' }, { method: 'POST' });
  await withTokens([given], async (registry) => {
    assert.equal(await checkCredentials(registry.host, ME, OPTIONS), { identityToken: 'keep me', isTested: true });
    assert.equal(registry.log, ['POST /token']);
    const sent = registry.requests.find(({ method }) => method === 'POST');
    assert.equal(Object.fromEntries(new URLSearchParams(sent?.body)), {
      grant_type: 'password',
      client_id: 'tsimg',
      access_type: 'offline',
      service: 'fake',
      ...ME,
    });
  });
});

for (const [name, first] of [
  ['knows no POST', answer({}, { method: 'POST', status: 405 })],
  ['gives everybody a token by POST', answer({ token: 'anybody' }, { method: 'POST' })],
  ['answers a POST with a page', answer({}, { method: 'POST', body: '<html></html>' })],
] as const) {
  test(`a token server that ${name} is asked by GET, and decides there`, async () => {
    const granted = answer(
      { token: 'good', refresh_token: 'keep me' },
      { path: BY_GET, when: { authorization: BASIC } },
    );
    await withTokens([first, accepts('Bearer anybody'), granted], async (registry) => {
      assert.equal(await checkCredentials(registry.host, ME, OPTIONS), { identityToken: 'keep me', isTested: true });
    });
    const refused = answer({ details: 'wrong' }, { path: BY_GET, status: 401 });
    await withTokens([first, accepts('Bearer anybody'), refused], async (registry) => {
      const error = await failureOf(checkCredentials(registry.host, ME, OPTIONS), 'AUTHENTICATION_DENIED');
      assert.match(error.message, 'the token server refuses the credentials');
      assert.not.match(`${error.message} ${error.hint} ${error.where}`, 'sesame');
    });
  });
}

test('a token alone is no identity token: the password stays what is kept', async () => {
  await withTokens([answer({ token: 'good' }, { path: BY_GET })], async (registry) => {
    assert.equal(await checkCredentials(registry.host, ME, OPTIONS), { identityToken: undefined, isTested: true });
  });
});

test('a token server of another domain gets nothing, and what it would give anybody proves nothing', async () => {
  await using registry = await startFakeRegistry([accepts('Bearer good')]);
  registry.expect(challenge('Bearer realm="https://sso.test/token",service="fake"'));
  const error = await failureOf(checkCredentials(registry.host, ME, OPTIONS), 'AUTHENTICATION_DENIED');
  assert.match(error.hint ?? '', /sso\.test did not get your credentials.*--trust-realm/);
  assert.equal(registry.log, []);
});

test('a registry that asks for nothing tests nothing', async () => {
  await using registry = await startFakeRegistry();
  assert.equal(await checkCredentials(registry.host, ME, OPTIONS), { identityToken: undefined, isTested: false });
  assert.equal(
    registry.requests.map(({ path, headers }) => [path, headers.authorization]),
    [
      ['/v2/', undefined],
      ['/v2/', undefined],
    ],
  );
});

test('a registry behind a redirect gets no credentials, and the login is refused', async () => {
  for (const status of [200, 401]) {
    await using behind = await startFakeRegistry([{ ...challenge('Basic realm="r"'), status }]);
    const location = `${behind.origin}/v2/`;
    await using registry = await startFakeRegistry([{ path: '/v2/', status: 307, headers: { location } }]);
    const error = await failureOf(checkCredentials(registry.host, ME, OPTIONS), 'AUTHENTICATION_DENIED');
    assert.match(`${error.message} ${error.hint}`, behind.host);
    assert.not(behind.requests.some(({ headers }) => headers.authorization !== undefined));
  }
});

test('a page, and any other status, is no registry', async () => {
  for (const other of [{ body: '<!doctype html><title>Log in</title>' }, { status: 404 }]) {
    await using registry = await startFakeRegistry([{ path: '/v2/', ...other }]);
    await failureOf(checkCredentials(registry.host, ME, OPTIONS), 'REGISTRY_ERROR');
  }
});

test.run();

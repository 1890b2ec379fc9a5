import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { checkRealm, isRealmHost, registrableDomain } from '../../../src/registry/auth/realm.ts';

const test = suite('registry/auth/realm');
const trusted = (realm: string, registry: string, named: readonly string[] = []) =>
  checkRealm(realm, new URL(registry), named).trusted;

function refused(realm: string, registry: string): void {
  assert.throws(
    () => checkRealm(realm, new URL(registry), []),
    (error: unknown) => error instanceof TsimgError && error.code === 'REGISTRY_ERROR',
    realm,
  );
}

test('credentials go to the registry itself, its domain, and the token servers that are known', () => {
  assert.ok(trusted('https://registry.example.com/token', 'https://registry.example.com'));
  assert.ok(trusted('https://registry.example.com:8443/token', 'https://registry.example.com'));
  assert.ok(trusted('https://auth.example.com/token', 'https://registry.example.com'));
  assert.ok(trusted('https://example.com/jwt/auth', 'https://registry.example.com'));
  assert.ok(trusted('https://auth.docker.io/token', 'https://registry-1.docker.io'));
});

test('credentials do not go to another domain, unless the user names it', () => {
  assert.not(trusted('https://auth.docker.io/token', 'https://registry.example.com'));
  assert.not(trusted('https://registry.example.com.evil.test/token', 'https://registry.example.com'));
  assert.not(trusted('https://evilexample.com/token', 'https://registry.example.com'));
  assert.ok(trusted('https://sso.test/token', 'https://registry.example.com', ['sso.test']));
  assert.not(trusted('https://sso.test.evil/token', 'https://registry.example.com', ['sso.test']));
});

test('the user names a token server in any case, and with its port', () => {
  const names = (realm: string, named: string) => trusted(realm, 'https://registry.example.com', [named]);
  assert.ok(names('https://sso.test/token', 'SSO.test'));
  assert.ok(names('https://sso.test/token', 'sso.test:443'));
  assert.not(names('https://sso.test/token', 'sso.test:8443'));
  assert.ok(names('https://sso.test:8443/token', 'sso.test:8443'));
  assert.ok(names('https://sso.test:8443/token', 'sso.test'));
  assert.not(names('https://sso.test:8443/token', 'sso.test:443'));
});

test('each host that a token server can have may be named, and nothing else', () => {
  for (const host of ['sso.test', 'auth_server:5001', 'sso.test.', '10.0.0.1:80', '[fd00::1]:8443']) {
    assert.ok(isRealmHost(new URL(`https://${host}/token`).host), host);
    assert.ok(trusted(`https://${host}/token`, 'https://registry.example.com', [host]), host);
  }
  for (const text of ['SSO.test', 'sso.test:443']) assert.ok(isRealmHost(text), text);
  for (const text of [
    '',
    'https://sso.test',
    'sso.test/token',
    'u@sso.test',
    'sso.test?x',
    'sso.test:',
    'a b',
    'a:99999',
  ]) {
    assert.not(isRealmHost(text), text);
  }
});

test('strangers under one suffix are not one domain', () => {
  assert.not(trusted('https://evil.azurecr.io/oauth2/token', 'https://mine.azurecr.io'));
  assert.not(trusted('https://evil.co.uk/token', 'https://registry.co.uk'));
  assert.ok(trusted('https://auth.corp.co.uk/token', 'https://registry.corp.co.uk'));
});

test('a registrable domain is a domain, never a single name or an address', () => {
  assert.is(registrableDomain('a.b.example.com'), 'example.com');
  assert.is(registrableDomain('localhost'), undefined);
  assert.is(registrableDomain('10.0.0.1'), undefined);
  assert.is(registrableDomain('[fe80::1]'), undefined);
  assert.is(registrableDomain('azurecr.io'), undefined);
});

test('a realm in plain HTTP is not asked, except on the loopback of a loopback registry', () => {
  refused('http://registry.example.com/token', 'https://registry.example.com');
  refused('http://auth.example.com/token', 'http://registry.example.com');
  refused('http://127.0.0.1:81/token', 'https://registry.example.com');
  assert.ok(trusted('http://127.0.0.1:81/token', 'http://localhost:5000'));
});

test('a realm is no way to other machines (169.254.169.254)', () => {
  refused('https://169.254.169.254/latest/meta-data', 'https://registry.example.com');
  refused('https://[fd00:ec2::254]/', 'https://registry.example.com');
  refused('https://2852039166/', 'https://registry.example.com');
  refused('https://localhost/token', 'https://registry.example.com');
  refused('file:///etc/passwd', 'https://registry.example.com');
  refused('not a url', 'https://registry.example.com');
  refused('', 'https://registry.example.com');
  refused('https://u:p@registry.example.com/token', 'https://registry.example.com');
});

test.run();

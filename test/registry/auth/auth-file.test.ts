import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { authKeys, findingsIn, parseAuthFile } from '../../../src/registry/auth/auth-file.ts';
import { failureOf } from '../../support/failure-of.ts';

const test = suite('registry/auth/auth-file');
const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') });

function find(file: unknown, registry: string, repository = 'ns/repo', legacy = false) {
  return findingsIn(parseAuthFile(JSON.stringify(file), 'auth.json', legacy), { registry, repository }, 'auth.json');
}

/** The user name of the entry that is found. */
function userOf(auths: unknown, registry: string, repository?: string): string | undefined {
  const [first] = find({ auths }, registry, repository);
  return first?.kind === 'credentials' && first.credentials.kind === 'basic' ? first.credentials.username : undefined;
}

test('keys go from the most to the least specific', () => {
  assert.equal(authKeys('r.test', 'a/b'), ['r.test/a/b', 'r.test/a', 'r.test']);
  assert.equal(authKeys('docker.io', 'library/x').slice(0, 3), [
    'docker.io/library/x',
    'docker.io/library',
    'docker.io',
  ]);
});

test('the most specific entry is used, whatever the order', () => {
  const auths = { 'r.test': auth('host:p'), 'r.test/ns': auth('ns:p'), 'r.test/ns/repo': auth('repo:p') };
  assert.is(userOf(auths, 'r.test', 'ns/repo'), 'repo');
  assert.is(userOf(auths, 'r.test', 'ns/other'), 'ns');
  assert.is(userOf(auths, 'r.test', 'nsx/repo'), 'host');
});

test('credentials for a namespace, another host or another port are used nowhere else', () => {
  assert.is(userOf({ 'r.test/ns': auth('ns:p') }, 'r.test', 'other/repo'), undefined);
  assert.is(userOf({ 'r.test': auth('u:p') }, 'r.test:5000'), undefined);
  assert.is(userOf({ 'r.test': auth('u:p') }, 'sub.r.test'), undefined);
  assert.is(userOf({ '*.test': auth('u:p') }, 'r.test'), undefined);
});

test('docker’s URLs are hosts', () => {
  for (const key of ['https://r.test', 'https://r.test/', 'http://r.test/v1/', 'https://r.test/v2', 'r.test/v2/']) {
    assert.is(userOf({ [key]: auth('u:p') }, 'r.test'), 'u', key);
  }
});

test('Docker Hub is known by each of its names', () => {
  for (const key of ['https://index.docker.io/v1/', 'index.docker.io', 'docker.io', 'registry-1.docker.io']) {
    assert.is(userOf({ [key]: auth('u:p') }, 'docker.io', 'library/alpine'), 'u', key);
  }
});

test('a host is found in another spelling, after its own, and not by another port', () => {
  for (const key of ['R.TEST', 'r.test:443', 'https://R.test:443/v1/']) {
    assert.is(userOf({ [key]: auth('u:p') }, 'r.test'), 'u', key);
    assert.is(userOf({ [key]: auth('other:p'), 'r.test': auth('u:p') }, 'r.test'), 'u', key);
  }
  assert.is(userOf({ 'r.test': auth('u:p') }, 'r.test:443'), 'u');
  assert.is(userOf({ 'r.test:80': auth('u:p'), 'r.test.': auth('u:p') }, 'r.test'), undefined);
  assert.equal(find({ credHelpers: { 'R.test:443': 'own' } }, 'r.test'), [
    { kind: 'helper', name: 'own', explicit: true },
  ]);
});

test('an entry without a secret, as docker leaves it for a helper, is skipped', () => {
  assert.is(userOf({ 'r.test/ns': {}, 'r.test': auth('u:p') }, 'r.test'), 'u');
  assert.equal(find({ auths: { 'r.test': {} } }, 'r.test'), []);
  assert.equal(find({}, 'r.test'), []);
});

test('a password may hold colons, and NUL bytes at its end are padding', () => {
  const [finding] = find({ auths: { 'r.test': auth('u:a:b\0\0') } }, 'r.test');
  assert.equal(finding, { kind: 'credentials', credentials: { kind: 'basic', username: 'u', password: 'a:b' } });
});

test('tokens come before passwords', () => {
  const [identity] = find({ auths: { 'r.test': { ...auth('u:p'), identitytoken: 'it' } } }, 'r.test');
  const credentials = { kind: 'identity-token', token: 'it', username: 'u' };
  assert.equal(identity, { kind: 'credentials', credentials });
  const [nameless] = find({ auths: { 'r.test': { identitytoken: 'it' } } }, 'r.test');
  assert.equal(nameless, { kind: 'credentials', credentials: { kind: 'identity-token', token: 'it' } });
  const [registry] = find({ auths: { 'r.test': { registrytoken: 'rt' } } }, 'r.test');
  assert.equal(registry, { kind: 'credentials', credentials: { kind: 'registry-token', token: 'rt' } });
});

test('the registry’s own helper comes before the helper of all, and helpers before the file’s credentials', () => {
  const file = { credHelpers: { 'r.test': 'own' }, credsStore: 'all', auths: { 'r.test': auth('u:p') } };
  assert.equal(
    find(file, 'r.test').map((finding) => (finding.kind === 'helper' ? [finding.name, finding.explicit] : 'entry')),
    [['own', true], 'entry'],
  );
  assert.equal(find(file, 'other.test'), [{ kind: 'helper', name: 'all', explicit: false }]);
});

test('~/.dockercfg is the entries alone', () => {
  assert.is(find({ 'https://index.docker.io/v1/': auth('u:p') }, 'docker.io', 'library/x', true).length, 1);
});

test('names of JavaScript’s prototypes are only names', () => {
  const file = parseAuthFile('{"auths":{"__proto__":{"auth":"dTpw"},"constructor":{}}}', 'auth.json', false);
  assert.equal(findingsIn(file, { registry: 'r.test', repository: 'a' }, 'auth.json'), []);
});

test('the error for a broken file does not quote it', () => {
  for (const text of ['{"auths":{"r.test":{"auth":"c2VjcmV0"}', '{"auths":{"r.test":{"auth":["c2VjcmV0"]}}}']) {
    try {
      parseAuthFile(text, '/x/auth.json', false);
      assert.unreachable();
    } catch (error) {
      assert.ok(error instanceof TsimgError && error.code === 'DOCUMENT_INVALID');
      assert.is(error.where, '/x/auth.json');
      assert.not.match(`${error.message} ${error.cause}`, 'c2VjcmV0');
    }
  }
});

test('credentials that are not USER:PASSWORD are an error', () => {
  assert.throws(
    () => find({ auths: { 'r.test': auth('nocolon') } }, 'r.test'),
    (error: unknown) => error instanceof TsimgError && error.code === 'CREDENTIALS_INVALID',
  );
});

test('the error for a file that is not JSON tells what to do', async () => {
  const parse = Promise.resolve().then(() => parseAuthFile('{', 'bad.json', false));
  assert.match((await failureOf(parse, 'DOCUMENT_INVALID')).hint ?? '', /--authfile/);
});

test.run();

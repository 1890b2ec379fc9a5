import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { withEntry, withoutEntries } from '../../../src/registry/auth/edit-auth-file.ts';

const test = suite('registry/auth/edit-auth-file');

const ME = { username: 'me', password: 'sesame', identityToken: undefined };
const AUTH = 'bWU6c2VzYW1l';

/** docker's form: tabs, and a line feed at the end. */
const json = (value: unknown, indent: string | number = '\t') => `${JSON.stringify(value, null, indent)}\n`;

test('an empty file becomes one with the entry alone', () => {
  for (const text of ['', ' \n', '{}', '{"auths":null}']) {
    assert.is(withEntry(text, 'r.test', 'r.test', ME), json({ auths: { 'r.test': { auth: AUTH } } }));
  }
});

test('all other fields and entries stay, in their order and with the indentation of the file', () => {
  const before = {
    HttpHeaders: { 'X-Meta': ['a', 1, null, true] },
    auths: { 'a.test': { auth: 'YTpi', email: 'a@a.test' }, 'z.test': {}, ['__proto__']: { auth: 'YTpi' } },
    credHelpers: { 'h.test': 'ecr-login' },
    psFormat: 'table {{.ID}}\\t\u00e9',
  };
  for (const indent of [2, 4, '\t']) {
    const text = json(before, indent);
    const after = withEntry(text, 'r.test', 'r.test', ME);
    const added = json({ ...before, auths: { ...before.auths, 'r.test': { auth: AUTH } } }, indent);
    assert.is(after, added);
    assert.is(withoutEntries(after, 'r.test'), text);
  }
});

test('an entry of the same registry is replaced in its place, with what only docker knows of it', () => {
  const old = { auth: 'b2xkOm9sZA==', email: 'me@r.test', username: 'old', password: 'old', registrytoken: 'old' };
  const before = { auths: { 'r.test': old, 'z.test': { auth: 'YTpi' } } };
  const after = { auths: { 'r.test': { email: 'me@r.test', auth: AUTH }, 'z.test': { auth: 'YTpi' } } };
  assert.is(withEntry(json(before), 'r.test', 'r.test', ME), json(after));
});

test('docker’s URL of the registry is the same entry, and no second one stays that a pull could find first', () => {
  const url = 'https://index.docker.io/v1/';
  const before = json({ auths: { [url]: { auth: 'b2xkOm9sZA==' }, 'docker.io': { auth: 'b2xkOm9sZA==' } } });
  assert.is(withEntry(before, 'docker.io', 'docker.io', ME), json({ auths: { [url]: { auth: AUTH } } }));
  assert.is(withoutEntries(before, 'docker.io'), json({ auths: {} }));
});

test('another spelling of the host is the same entry, and another port or namespace is not', () => {
  const others = { 'r.test:80': {}, 'r.test/Team': {}, 'x.r.test': {} };
  const before = json({ auths: { 'https://R.test:443/v2/': { auth: 'b2xkOm9sZA==' }, ...others } });
  assert.is(
    withEntry(before, 'r.test', 'r.test', ME),
    json({ auths: { 'https://R.test:443/v2/': { auth: AUTH }, ...others } }),
  );
  assert.is(withoutEntries(before, 'r.test'), json({ auths: others }));
});

test('a namespace has an entry of its own', () => {
  const both = withEntry(withEntry('', 'r.test', 'r.test', ME), 'r.test/team', 'r.test/team', ME);
  assert.is(both, json({ auths: { 'r.test': { auth: AUTH }, 'r.test/team': { auth: AUTH } } }));
  assert.is(withoutEntries(both, 'r.test'), json({ auths: { 'r.test/team': { auth: AUTH } } }));
});

test('an identity token is kept beside the user name, and the password is not', () => {
  const text = withEntry('', 'r.test', 'r.test', { ...ME, identityToken: 'refresh me' });
  const auth = Buffer.from('me:').toString('base64');
  assert.is(text, json({ auths: { 'r.test': { auth, identitytoken: 'refresh me' } } }));
  assert.is(withEntry(text, 'r.test', 'r.test', ME), json({ auths: { 'r.test': { auth: AUTH } } }));
});

test('nothing is removed where there is nothing, and all goes without names', () => {
  const text = json({ auths: { 'a.test': {} }, credsStore: 'x' });
  assert.is(withoutEntries(text, 'r.test'), undefined);
  assert.is(withoutEntries('{}'), undefined);
  assert.is(withoutEntries(text), json({ auths: {}, credsStore: 'x' }));
});

test.run();

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { type Policy, parsePolicy } from '../../../src/verify/policy/document.ts';
import { ROOT } from '../../support/checkout.ts';

const test = suite('verify/policy/document');

const ACCEPT = { type: 'insecureAcceptAnything' };
const DEFAULT = [ACCEPT];
const KEY = Buffer.from('a key').toString('base64');
const VECTOR = join(ROOT, '..', 'shared', 'vectors', 'containers-image', 'policy.json');

const parse = (policy: unknown): Policy =>
  parsePolicy(typeof policy === 'string' ? policy : JSON.stringify(policy), '/p/policy.json');

/** Why a policy is refused. */
function fault(policy: unknown): string {
  try {
    parse(policy);
  } catch (error) {
    if (!(error instanceof TsimgError) || error.code !== 'POLICY_INVALID') throw error;
    assert.is(error.where, '/p/policy.json');
    assert.not.match(error.message, /\n/);
    return error.why ?? '';
  }
  throw new Error(`it should be refused: ${JSON.stringify(policy)}`);
}

const requirement = (each: object) => ({ default: [each] });
const scoped = (transport: string, scope: string) => ({
  default: DEFAULT,
  transports: { [transport]: { [scope]: DEFAULT } },
});
const signedBy = (changes: object) => requirement({ type: 'signedBy', keyType: 'GPGKeys', keyPath: '/k', ...changes });
const sigstore = (changes: object) => requirement({ type: 'sigstoreSigned', ...changes });
const identity = (signedIdentity: unknown) => signedBy({ signedIdentity });

test('a policy is read by transport and scope', () => {
  const policy = parse({
    default: [{ type: 'reject' }],
    transports: { docker: { '': DEFAULT, 'h:5000/a': [{ type: 'reject' }] } },
  });
  assert.equal(policy.default, [{ type: 'reject' }]);
  assert.equal([...(policy.transports.get('docker')?.keys() ?? [])], ['', 'h:5000/a']);
});

test('a text that is not JSON to the letter is refused', () => {
  for (const text of [
    '',
    '{',
    '{"default":[{"type":"reject"}],}',
    '{"default":[{"type":"reject"},]}',
    '{default:[]}',
  ]) {
    assert.is(fault(text), 'it is not JSON', text);
  }
  assert.is(fault('{"default":[{"type":"reject"}]} // all'), 'it is not JSON');
  for (const text of ['[]', '"reject"', 'null', '1']) fault(text);
});

test('a key that stands twice is refused at every depth, however it is spelled', () => {
  const rest = '[{"type":"reject"}]';
  assert.is(fault(`{"default":${rest},"default":${rest}}`), 'the key "default" stands twice');
  assert.match(fault(`{"default":[{"type":"reject","type":"insecureAcceptAnything"}]}`), /"type" stands twice/);
  assert.match(fault(`{"default":${rest},"transports":{"docker":{},"docker":{}}}`), /"docker" stands twice/);
  assert.match(
    fault(`{"default":${rest},"transports":{"docker":{"a":${rest},"\\u0061" : ${rest}}}}`),
    /"a" stands twice/,
  );
  assert.match(fault(`{"default":${rest},"transports":{"odd":{"a":${rest},"a":${rest}}}}`), /"a" stands twice/);
  assert.match(fault(`{"default":${rest},"__proto__":{},"__proto__":{}}`), /"__proto__" stands twice/);
});

test('the same key in two objects, or as a value, does not stand twice', () => {
  const text =
    '{"default":[{"type":"reject"},{"type":"reject"}],"transports":{"docker":{"a \\" {":[{"type":"reject"}]},"dir":{}}}';
  assert.is(parse(text).transports.get('docker')?.size, 1);
  const tabs = '{\n"default":\t[\n\t\t{\t"type" :\n"reject"}\n]\n\t}\n';
  assert.equal(parse(tabs).default, [{ type: 'reject' }]);
});

test('an unknown key is refused, and the refusal names it', () => {
  assert.is(fault({ default: DEFAULT, Default: DEFAULT }), 'field Default: not known');
  assert.is(fault(requirement({ ...ACCEPT, comment: 'x' })), 'field default[0].comment: not known');
  assert.is(fault(signedBy({ key: 'x' })), 'field default[0].key: not known');
  assert.is(fault(identity({ type: 'matchExact', prefix: 'x' })), 'field default[0].signedIdentity.prefix: not known');
  assert.match(fault(`{"default":[{"type":"reject"}],"__proto__":{}}`), /__proto__/);
});

test('an unknown type is refused', () => {
  for (const type of ['accept', 'signedBaseLayer', 'Reject', '', undefined, 1]) {
    assert.match(fault(requirement({ type })), /default\[0\]/, String(type));
  }
  assert.match(fault(signedBy({ keyType: 'PGP' })), /keyType/);
  assert.match(fault(signedBy({ keyType: undefined })), /keyType/);
  for (const type of ['matchAnything', undefined]) assert.match(fault(identity({ type })), /signedIdentity/);
  assert.match(fault(identity(null)), /signedIdentity/);
});

test('a list without a requirement is refused, and so is a policy without a default', () => {
  assert.match(fault({ default: [] }), /default must be 1 at least/);
  assert.match(
    fault({ default: DEFAULT, transports: { docker: { '': [] } } }),
    /transports\.docker\. must be 1 at least/,
  );
  assert.match(fault({}), /default is missing/);
  assert.match(fault({ transports: { docker: { '': DEFAULT } } }), /default is missing/);
  assert.match(fault({ default: null }), /default/);
  assert.match(fault({ default: DEFAULT, transports: null }), /transports/);
});

test('signedBy takes exactly one source of keys', () => {
  for (const good of [
    { keyPath: '/k' },
    { keyPath: undefined, keyPaths: ['/k', '/l'] },
    { keyPath: undefined, keyData: KEY },
  ]) {
    assert.is(parse(signedBy(good)).default.length, 1);
  }
  const one = /exactly one of keyPath, keyPaths and keyData/;
  assert.match(fault(signedBy({ keyData: KEY })), one);
  assert.match(fault(signedBy({ keyPaths: ['/l'] })), one);
  assert.match(fault(signedBy({ keyPath: undefined })), one);
  assert.match(fault(signedBy({ keyPath: '' })), /keyPath/);
  assert.match(fault(signedBy({ keyPath: undefined, keyPaths: [] })), /keyPaths/);
  assert.match(fault(signedBy({ keyPath: undefined, keyData: 'not base64' })), /keyData/);
});

test('sigstoreSigned takes exactly one source of keys or certificates', () => {
  const fulcio = { caPath: '/ca', oidcIssuer: 'https://i', subjectEmail: 'a@example.com' };
  const pki = { caRootsPath: '/ca', subjectHostname: 'example.com' };
  const rekor = { rekorPublicKeyPath: '/r' };
  for (const good of [
    { keyPath: '/k' },
    { keyPaths: ['/k'] },
    { keyData: KEY },
    { keyDatas: [KEY] },
    { keyPath: '/k', ...rekor },
    { fulcio, ...rekor },
    { fulcio, rekorPublicKeyDatas: [KEY] },
    { pki },
    { pki: { ...pki, caIntermediatesData: KEY, subjectEmail: 'a@example.com' } },
  ]) {
    assert.is(parse(sigstore(good)).default.length, 1, JSON.stringify(good));
  }
  assert.match(fault(sigstore({})), /exactly one of/);
  assert.match(fault(sigstore({ keyPath: '/k', keyData: KEY })), /exactly one of/);
  assert.match(fault(sigstore({ keyPath: '/k', pki })), /exactly one of/);
  assert.match(fault(sigstore({ fulcio, pki, ...rekor })), /exactly one of/);
  assert.match(fault(sigstore({ keyPath: '/k', ...rekor, rekorPublicKeyData: KEY })), /at most one source/);
  assert.match(fault(sigstore({ fulcio })), /fulcio needs/);
  assert.match(fault(sigstore({ pki, ...rekor })), /pki goes without/);
  assert.match(fault(sigstore({ fulcio: { ...fulcio, caData: KEY }, ...rekor })), /one of caPath and caData/);
  assert.match(fault(sigstore({ fulcio: { ...fulcio, oidcIssuer: undefined }, ...rekor })), /oidcIssuer/);
  assert.match(fault(sigstore({ pki: { caRootsPath: '/ca' } })), /subjectEmail or subjectHostname/);
  assert.match(fault(sigstore({ pki: { subjectEmail: 'a@example.com' } })), /caRootsPath/);
  assert.match(
    fault(sigstore({ pki: { ...pki, caIntermediatesPath: '/i', caIntermediatesData: KEY } })),
    /caIntermediates/,
  );
});

test('what an identity names must be of its form', () => {
  for (const good of [
    { type: 'exactReference', dockerReference: 'busybox:1' },
    { type: 'exactReference', dockerReference: `h:5000/a@sha256:${'0'.repeat(64)}` },
    { type: 'exactRepository', dockerRepository: 'h:5000/a' },
    { type: 'remapIdentity', prefix: 'h:5000', signedPrefix: 'vendor.example' },
    { type: 'remapIdentity', prefix: 'docker.io/library/busybox', signedPrefix: 'localhost/a' },
  ]) {
    assert.is(parse(identity(good)).default.length, 1, JSON.stringify(good));
  }
  for (const bad of [
    { type: 'exactReference', dockerReference: 'h:5000/a' },
    { type: 'exactReference', dockerReference: 'H/A' },
    { type: 'exactReference' },
    { type: 'exactRepository', dockerRepository: '' },
    { type: 'exactRepository', dockerRepository: 'h:5000/UPPER' },
    { type: 'remapIdentity', prefix: '', signedPrefix: 'a.example' },
    { type: 'remapIdentity', prefix: 'a.example/', signedPrefix: 'b.example' },
    { type: 'remapIdentity', prefix: 'a.example/b:tag', signedPrefix: 'b.example' },
    { type: 'remapIdentity', prefix: 'a.example', signedPrefix: `b.example/c@sha256:${'0'.repeat(64)}` },
    { type: 'remapIdentity', prefix: 'a.example' },
  ]) {
    assert.match(fault(identity(bad)), /signedIdentity/, JSON.stringify(bad));
  }
});

test('a scope that is a path is absolute and clean, and the root of all is written ""', () => {
  for (const transport of ['dir', 'oci', 'oci-archive']) {
    for (const scope of ['/', 'relative', './a', '/a/', '/a//b', '/a/../b', '/a/./b']) {
      assert.match(fault(scoped(transport, scope)), new RegExp(`of ${transport} `), scope);
    }
    for (const scope of ['', '/a', '/a/b']) assert.is(parse(scoped(transport, scope)).transports.size, 1);
  }
  assert.match(fault(scoped('docker-archive', '/a')), /has no scope but ""/);
  assert.is(parse(scoped('docker-archive', '')).transports.size, 1);
});

test('a transport that is not known is passed over, but not what stands in it', () => {
  assert.is(parse(scoped('unheard-of', 'anything')).transports.size, 0);
  assert.match(fault({ default: DEFAULT, transports: { 'unheard-of': { a: [{ type: 'odd' }] } } }), /unheard-of/);
});

test('every form that containers/image’s own example holds is read, but for the type that no tool implements', () => {
  if (!existsSync(VECTOR)) {
    console.log('skipped: needs ../shared/vectors');
    return;
  }
  const example = JSON.parse(readFileSync(VECTOR, 'utf8'));
  assert.match(fault(example), /^field transports\.docker\.example\.com\/hardened\[2\]/);
  const docker: Record<string, { type: string }[]> = example.transports.docker;
  for (const [scope, list] of Object.entries(docker)) {
    const known = list.filter(({ type }) => type !== 'signedBaseLayer');
    if (known.length === 0) delete docker[scope];
    else docker[scope] = known;
  }
  const policy = parse(example);
  assert.is(policy.transports.get('docker')?.size, Object.keys(docker).length);
  assert.ok(Object.keys(docker).length >= 13);
});

test.run();

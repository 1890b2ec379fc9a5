import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseChallenges } from '../../../src/registry/auth/challenge.ts';

const test = suite('registry/auth/challenge');

/** As plain values, to compare. */
function read(header: string) {
  return parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
}

test('a bearer challenge has its realm, service and scope', () => {
  const header = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull"';
  const parameters = {
    realm: 'https://auth.docker.io/token',
    service: 'registry.docker.io',
    scope: 'repository:a/b:pull',
  };
  assert.equal(read(header), [['bearer', parameters]]);
});

test('several challenges stand in one header, whatever separates them', () => {
  assert.equal(read('Basic realm="r", Bearer realm="https://x/t" , service=s,Negotiate'), [
    ['basic', { realm: 'r' }],
    ['bearer', { realm: 'https://x/t', service: 's' }],
    ['negotiate', {}],
  ]);
});

test('a comma inside quotes separates nothing', () => {
  assert.equal(read('Bearer realm="https://x/t",scope="repository:a:pull,push", Basic realm="a, b"'), [
    ['bearer', { realm: 'https://x/t', scope: 'repository:a:pull,push' }],
    ['basic', { realm: 'a, b' }],
  ]);
});

test('quoted pairs are unquoted', () => {
  assert.equal(read('Basic realm="say \\"yes\\" \\\\"'), [['basic', { realm: 'say "yes" \\' }]]);
});

test('names are recognised in any case, and spaces around = do not matter', () => {
  assert.equal(read('BEARER Realm = "https://x/t" , SERVICE= s'), [['bearer', { realm: 'https://x/t', service: 's' }]]);
});

test('a token68 is skipped', () => {
  assert.equal(read('Negotiate YII/+a==, Basic realm=r'), [
    ['negotiate', {}],
    ['basic', { realm: 'r' }],
  ]);
});

test('the first of two equal parameters decides', () => {
  assert.equal(read('Bearer realm="https://good/",realm="https://evil/"'), [['bearer', { realm: 'https://good/' }]]);
});

test('parsing stops at the first error, and never hangs', () => {
  assert.equal(read('Bearer realm="unclosed'), [['bearer', {}]]);
  assert.equal(read('Bearer realm="x" ; Basic realm=r'), [['bearer', { realm: 'x' }]]);
  assert.equal(read(''), []);
  assert.equal(read(',,, ,'), []);
  assert.is(parseChallenges(`Bearer ${'a=b,'.repeat(4000)}`).length, 1);
  assert.is(parseChallenges(`Bearer realm="${'\\"'.repeat(8000)}`).length, 1);
});

test.run();

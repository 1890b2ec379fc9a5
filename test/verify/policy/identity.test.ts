import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseReference } from '../../../src/oci/reference.ts';
import type { SignedIdentity } from '../../../src/verify/policy/document.ts';
import { fitsIdentity } from '../../../src/verify/policy/identity.ts';

const test = suite('verify/policy/identity');

const DIGEST = `sha256:${'0'.repeat(64)}`;
const OTHER = `sha256:${'1'.repeat(64)}`;

/** [asked, signed, whether it fits] */
type Case = readonly [asked: string, signed: string, fits: boolean];

function check(identity: SignedIdentity | undefined, cases: readonly Case[]): void {
  for (const [asked, signed, fits] of cases) {
    assert.is(fitsIdentity(identity, parseReference(asked), signed), fits, `${asked} signed as ${signed}`);
  }
}

test('matchExact demands the very reference', () => {
  check({ type: 'matchExact' }, [
    ['h.example/a:1', 'h.example/a:1', true],
    ['a:1', 'docker.io/library/a:1', true],
    ['a', 'a:latest', true],
    ['h.example/a:1', 'h.example/a:2', false],
    ['h.example/a:1', 'h.example/a', false],
    ['h.example/a', 'h.example/a', false],
    ['h:5000/a', 'h:5000/a', false],
    [`h.example/a@${DIGEST}`, 'h.example/a:1', false],
    [`h.example/a@${DIGEST}`, `h.example/a@${DIGEST}`, true],
    [`h.example/a@${DIGEST}`, `h.example/a@${OTHER}`, false],
    ['h.example/a:1', 'h.example/a:1/b', false],
    ['h.example/a:1', '', false],
  ]);
});

test('by default a tag must be the signed one, and a digest be of the repository', () => {
  for (const identity of [undefined, { type: 'matchRepoDigestOrExact' }] as const) {
    check(identity, [
      ['h.example/a:1', 'h.example/a:1', true],
      ['h.example/a:1', 'h.example/a:2', false],
      ['h.example/a:1', 'h.example/a', false],
      ['h.example/a:latest', 'h.example/a', false],
      [`h.example/a@${DIGEST}`, 'h.example/a:2', true],
      [`h.example/a:1@${DIGEST}`, 'h.example/a:2', true],
      [`h.example/a@${DIGEST}`, `h.example/a@${OTHER}`, true],
      [`h.example/a@${DIGEST}`, 'h.example/a', false],
      [`h.example/a@${DIGEST}`, 'h.example/b:1', false],
      [`h.example/a@${DIGEST}`, 'h.example:5000/a:1', false],
    ]);
  }
});

test('matchRepository lets every tag of the repository pass', () => {
  check({ type: 'matchRepository' }, [
    ['h.example/a:1', 'h.example/a:2', true],
    ['h.example/a:1', 'h.example/a', true],
    [`h.example/a@${DIGEST}`, 'h.example/a', true],
    ['h.example/a:1', 'h.example/ab:1', false],
    ['h.example/a:1', 'h.example/a/b:1', false],
    ['h.example/a:1', 'other.example/a:1', false],
  ]);
});

test('exactReference and exactRepository demand what the policy names, whatever was asked for', () => {
  const reference = { type: 'exactReference', dockerReference: 'vendor.example/a:1' } as const;
  const repository = { type: 'exactRepository', dockerRepository: 'vendor.example/a' } as const;
  check(reference, [
    ['mirror.example/x:9', 'vendor.example/a:1', true],
    ['mirror.example/x:9', 'vendor.example/a:2', false],
    ['vendor.example/a:1', 'vendor.example/a', false],
  ]);
  check(repository, [
    ['mirror.example/x:9', 'vendor.example/a:2', true],
    ['mirror.example/x:9', 'vendor.example/a', true],
    ['mirror.example/x:9', 'vendor.example/ab', false],
    ['mirror.example/x:9', 'mirror.example/x:9', false],
  ]);
});

test('an image without a name fits what the policy names, and nothing else', () => {
  const fits = (identity: SignedIdentity) => fitsIdentity(identity, undefined, 'vendor.example/a:1');
  assert.is(fits({ type: 'exactReference', dockerReference: 'vendor.example/a:1' }), true);
  assert.is(fits({ type: 'exactRepository', dockerRepository: 'vendor.example/a' }), true);
  for (const type of ['matchExact', 'matchRepoDigestOrExact', 'matchRepository'] as const)
    assert.is(fits({ type }), false);
  assert.is(fits({ type: 'remapIdentity', prefix: 'vendor.example', signedPrefix: 'vendor.example' }), false);
  assert.is(fitsIdentity(undefined, undefined, 'vendor.example/a:1'), false);
});

test('remapIdentity replaces a prefix up to a slash, and then matches as by default', () => {
  check({ type: 'remapIdentity', prefix: 'mirror:5000/vendor', signedPrefix: 'vendor.example' }, [
    ['mirror:5000/vendor/a:1', 'vendor.example/a:1', true],
    ['mirror:5000/vendor/a:1', 'vendor.example/a:2', false],
    ['mirror:5000/vendor/a:1', 'mirror:5000/vendor/a:1', false],
    [`mirror:5000/vendor/a@${DIGEST}`, 'vendor.example/a:2', true],
    // Not below the prefix: as it is
    ['mirror:5000/vendors/a:1', 'mirror:5000/vendors/a:1', true],
    ['mirror:5000/vendors/a:1', 'vendor.examples/a:1', false],
    // The repository itself would be renamed to a host alone, which is no name
    ['mirror:5000/vendor:1', 'vendor.example:1', false],
    ['mirror:5000/vendor:1', 'mirror:5000/vendor:1', false],
  ]);
  check({ type: 'remapIdentity', prefix: 'mirror:5000', signedPrefix: 'vendor.example/space' }, [
    ['mirror:5000/a:1', 'vendor.example/space/a:1', true],
    ['mirror:5001/a:1', 'vendor.example/space/a:1', false],
  ]);
  check({ type: 'remapIdentity', prefix: 'mirror:5000/a', signedPrefix: 'vendor.example/b' }, [
    ['mirror:5000/a:1', 'vendor.example/b:1', true],
  ]);
});

test('a prefix that is not whole does not stand for Docker Hub', () => {
  check({ type: 'remapIdentity', prefix: 'mirror:5000', signedPrefix: 'vendor' }, [
    ['mirror:5000/a:1', 'docker.io/vendor/a:1', false],
    ['mirror:5000/a:1', 'vendor/a:1', false],
  ]);
});

test.run();

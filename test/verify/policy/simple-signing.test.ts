import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { parseDigest } from '../../../src/oci/digest.ts';
import { COSIGN_TYPE } from '../../../src/verify/payload.ts';
import { ATOMIC_TYPE, readSimpleSigning } from '../../../src/verify/policy/simple-signing.ts';
import { bindingOf } from '../../../src/verify/refuse.ts';

const test = suite('verify/policy/simple-signing');

const DIGEST = parseDigest(`sha256:${'0'.repeat(64)}`);

interface Parts {
  readonly critical?: object;
  readonly identity?: object;
  readonly image?: object;
  readonly optional?: unknown;
  readonly more?: object;
}

function payloadOf(
  { critical, identity, image, optional = null, more }: Parts = {},
  type: string = COSIGN_TYPE,
): string {
  return JSON.stringify({
    critical: {
      identity: { 'docker-reference': 'a.example/b:1', ...identity },
      image: { 'docker-manifest-digest': DIGEST, ...image },
      type,
      ...critical,
    },
    optional,
    ...more,
  });
}

/** The name that the signer gave; or what is wrong: the binding, or the code. */
function read(text: string, type: Parameters<typeof readSimpleSigning>[1] = COSIGN_TYPE): string {
  try {
    return readSimpleSigning(Buffer.from(text), type, [DIGEST]);
  } catch (error) {
    return bindingOf(error) ?? (error instanceof TsimgError ? error.code : String(error));
  }
}

test('a payload of each kind of signer is read', () => {
  assert.is(read(payloadOf()), 'a.example/b:1');
  assert.is(
    read(payloadOf({ optional: { creator: 'somebody', timestamp: 1_700_000_000, note: { a: 1 } } })),
    'a.example/b:1',
  );
  assert.is(read(payloadOf({ optional: {} }, ATOMIC_TYPE), ATOMIC_TYPE), 'a.example/b:1');
});

test('an unknown field is refused, but for those that a signer adds under "optional"', () => {
  for (const parts of [
    { more: { critical2: 1 } },
    { critical: { extra: 1 } },
    { identity: { extra: 1 } },
    { image: { extra: 1 } },
  ]) {
    assert.is(read(payloadOf(parts)), 'DOCUMENT_INVALID', JSON.stringify(parts));
  }
});

test('a field of another type and a missing one are refused', () => {
  for (const parts of [
    { identity: { 'docker-reference': 1 } },
    { image: { 'docker-manifest-digest': null } },
    { critical: { type: 1 } },
    { optional: 'text' },
    { optional: { creator: 1 } },
    { optional: { timestamp: 'now' } },
    { optional: { timestamp: 0.5 } },
  ]) {
    assert.is(read(payloadOf(parts)), 'DOCUMENT_INVALID', JSON.stringify(parts));
  }
  assert.is(read('{}'), 'DOCUMENT_INVALID');
  assert.is(read('not JSON'), 'DOCUMENT_INVALID');
  assert.is(read(payloadOf().replace(/,"optional":null/, '')), 'DOCUMENT_INVALID');
});

test('a key that stands twice is refused: readers differ in which one they take', () => {
  assert.is(read(payloadOf().replace('"type":', '"type":"another","type":')), 'format');
  assert.is(read(payloadOf({ optional: { note: 1 } }).replace('"note":1', '"note":1,"note":2')), 'format');
});

test('the type of payload must be the signer’s own, and the image this one', () => {
  assert.is(read(payloadOf({ optional: {} }, ATOMIC_TYPE)), 'payload-type');
  assert.is(read(payloadOf({ optional: {} }), ATOMIC_TYPE), 'payload-type');
  assert.is(read(payloadOf({}, ATOMIC_TYPE), ATOMIC_TYPE), 'format');
  assert.is(read(payloadOf({ image: { 'docker-manifest-digest': `sha256:${'1'.repeat(64)}` } })), 'payload-digest');
});

test.run();

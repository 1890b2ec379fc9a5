import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readBundle } from '../../src/verify/candidate.ts';
import { bindingOf } from '../../src/verify/refuse.ts';
import { parseTrustRoot } from '../../src/verify/trust-root.ts';
import { type Requirement, verifyCandidate } from '../../src/verify/verify-candidate.ts';
import { ROOT } from '../support/checkout.ts';

// Provenance that npm packages were really published with: bundles of version 0.1, logged as intoto 0.0.2.

const test = suite('verify/published-bundles');
const VECTORS = join(ROOT, '..', 'shared', 'vectors');

if (existsSync(VECTORS)) {
  const root = readFileSync(join(VECTORS, 'trust', 'public-good.trusted_root.json'));
  const trust = parseTrustRoot(root, 'trusted_root.json');
  const signedBy = (workflow: string): Requirement => ({
    kind: 'identity',
    identity: {
      pattern: new RegExp(`^https://github\\.com/sigstore/sigstore-js/\\.github/workflows/${workflow}@`, 'u'),
    },
    issuer: { exactly: 'https://token.actions.githubusercontent.com' },
    ignoresSct: false,
  });

  for (const name of ['sigstore.js@2.0.0-provenance.sigstore.json', 'bundle-provenance.json']) {
    test(`${name} holds for the workflow that released the package, and for no other`, () => {
      const read = () => readBundle(readFileSync(join(VECTORS, 'bundles', name)), { isAttached: false });
      const { identity, time } = verifyCandidate(read(), signedBy('release\\.yml'), trust);
      assert.match(identity ?? '', /sigstore-js/);
      assert.ok(time !== undefined);
      try {
        verifyCandidate(read(), signedBy('test\\.yml'), trust);
        assert.unreachable();
      } catch (error) {
        assert.is(bindingOf(error), 'identity');
      }
    });

    test(`${name} is no signature of an image: it is attached to none, and older than version 0.3`, () => {
      try {
        readBundle(readFileSync(join(VECTORS, 'bundles', name)), { isAttached: true });
        assert.unreachable();
      } catch (error) {
        assert.is(bindingOf(error), 'format');
      }
    });
  }
} else {
  test('skipped: needs ../shared/vectors', () => console.log('skipped: needs ../shared/vectors'));
}

test.run();

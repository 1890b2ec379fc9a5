import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parsePublicKey, sha256 } from '../../src/crypto/public-key.ts';
import { readBundle } from '../../src/verify/candidate.ts';
import { bindingOf } from '../../src/verify/refuse.ts';
import { parseTrustRoot } from '../../src/verify/trust-root.ts';
import { type Requirement, verifyCandidate } from '../../src/verify/verify-candidate.ts';
import { ROOT } from '../support/checkout.ts';

// The conformance suite of Sigstore's clients: bundles of files, each with the verdict in its name.

const test = suite('verify/sigstore-conformance');
const VECTORS = join(ROOT, '..', 'shared', 'vectors');
const FOLDER = join(VECTORS, 'conformance');
const IDENTITY =
  'https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main';
const ISSUER = 'https://token.actions.githubusercontent.com';

function optional(path: string): Buffer | undefined {
  return existsSync(path) ? readFileSync(path) : undefined;
}

function verdict(folder: string): string {
  const own = (name: string) => optional(join(FOLDER, folder, name));
  const artifact = own('artifact') ?? readFileSync(join(FOLDER, 'a.txt'));
  const key = own('key.pub');
  try {
    const requirement: Requirement =
      key === undefined
        ? {
            kind: 'identity',
            identity: { exactly: own('identity')?.toString('utf8').trim() ?? IDENTITY },
            issuer: { exactly: own('issuer')?.toString('utf8').trim() ?? ISSUER },
            ignoresSct: false,
          }
        : { kind: 'key', keys: [parsePublicKey(key.toString('utf8'), 'key.pub')], ignoresLog: false };
    const root = own('trusted_root.json') ?? readFileSync(join(VECTORS, 'trust', 'public-good.trusted_root.json'));
    const trust = parseTrustRoot(root, 'trusted_root.json');
    const candidate = readBundle(readFileSync(join(FOLDER, folder, 'bundle.sigstore.json')), {
      artifact,
      isAttached: false,
    });
    verifyCandidate(candidate, requirement, trust);
    if (candidate.signed.kind === 'envelope') {
      const { subject } = JSON.parse(candidate.signed.envelope.payload.toString('utf8'));
      const digests = subject.map((each: { digest: { sha256?: string } }) => each.digest.sha256);
      if (!digests.includes(sha256(artifact).toString('hex'))) return 'subject';
    }
    return 'good';
  } catch (error) {
    const binding = bindingOf(error);
    if (binding !== undefined) return binding;
    if (error instanceof Error && 'code' in error) return String(error.code);
    throw error;
  }
}

if (existsSync(FOLDER)) {
  const cases = readdirSync(FOLDER, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const { name } of cases) {
    test(`${name}`, () => {
      const found = verdict(name);
      if (name.endsWith('_fail')) assert.is.not(found, 'good');
      else assert.is(found, 'good');
    });
  }
} else {
  test('skipped: needs ../shared/vectors', () => console.log('skipped: needs ../shared/vectors'));
}

test.run();

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseSigningCertificate } from '../../src/crypto/certificate.ts';
import { parsePublicKey } from '../../src/crypto/public-key.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { checkIdentity } from '../../src/verify/identity.ts';
import { bindingOf } from '../../src/verify/refuse.ts';
import { parseTrustRoot } from '../../src/verify/trust-root.ts';
import { type AttachedBytes, type GoodSignature, verifyAttached } from '../../src/verify/verify-attached.ts';
import type { Requirement } from '../../src/verify/verify-candidate.ts';
import { ROOT } from '../support/checkout.ts';

// Signatures of images that were really published, by a key and without one.

const test = suite('verify/public-images');
const VECTORS = join(ROOT, '..', 'shared', 'vectors');

const SERVER = 'sha256:c05263d2ff654c3a94243662440913f045075d59c436e2c69e9145ec2b87a321' as Digest;
const DANGERZONE = 'sha256:7396780b5862cf8b37527854a2a2331e5c746b6a71aa1f424258c3bfaf3a1bd7' as Digest;
const IDENTITY =
  'https://github.com/salrashid123/go-bazel-github-workflow/.github/workflows/release.yaml@refs/tags/v0.0.30';
const ISSUER = 'https://token.actions.githubusercontent.com';

function read(image: string): AttachedBytes {
  const folder = join(VECTORS, 'public-images', image);
  const manifest = JSON.parse(readFileSync(join(folder, 'signature-manifest.json'), 'utf8'));
  const bytes = readFileSync(join(folder, 'payload'));
  return { kind: 'payload', form: 'cosign-tag', bytes, annotations: manifest.layers[0].annotations };
}

if (existsSync(VECTORS)) {
  const trust = parseTrustRoot(
    readFileSync(join(VECTORS, 'trust', 'public-good.trusted_root.json')),
    'trusted_root.json',
  );
  const judge = (attached: AttachedBytes, digest: Digest, requirement: Requirement): GoodSignature | string => {
    try {
      return verifyAttached(attached, { digests: [digest] }, { requirement, trust });
    } catch (error) {
      return bindingOf(error) ?? String(error);
    }
  };
  const keyless = (identity = IDENTITY, issuer = ISSUER): Requirement => ({
    kind: 'identity',
    identity: { exactly: identity },
    issuer: { exactly: issuer },
    ignoresSct: false,
  });
  const byKey = (file: string, ignoresLog = false): Requirement => ({
    kind: 'key',
    keys: [parsePublicKey(readFileSync(join(VECTORS, file), 'utf8'), file)],
    ignoresLog,
  });

  test('a keyless signature of an image holds for its workflow, its issuer and its digest alone', () => {
    const attached = read('server_image-keyless');
    const good = judge(attached, SERVER, keyless());
    assert.is(typeof good === 'string' ? good : good.identity, IDENTITY);
    assert.is(judge(attached, SERVER, keyless(IDENTITY.slice(0, -1))), 'identity');
    assert.is(judge(attached, SERVER, keyless(IDENTITY, `${ISSUER}/`)), 'issuer');
    assert.is(judge(attached, DANGERZONE, keyless()), 'payload-digest');
  });

  test('one changed byte in any annotation is refused', () => {
    const attached = read('server_image-keyless');
    if (attached.kind !== 'payload') throw new Error('a payload is expected');
    for (const [name, text] of Object.entries(attached.annotations)) {
      if (name === 'dev.sigstore.cosign/chain') continue;
      const place = text.lastIndexOf('A', text.length - 40);
      const changed = `${text.slice(0, place)}B${text.slice(place + 1)}`;
      const annotations = { ...attached.annotations, [name]: changed };
      assert.is(typeof judge({ ...attached, annotations }, SERVER, keyless()), 'string', name);
    }
  });

  test('a signature by a key holds for that key, with the log and without', () => {
    const attached = read('dangerzone-key');
    for (const ignoresLog of [false, true]) {
      const good = judge(attached, DANGERZONE, byKey('public-images/dangerzone-key/cosign.pub', ignoresLog));
      assert.is(typeof good === 'string' ? good : good.digest, DANGERZONE);
    }
    assert.is(judge(attached, DANGERZONE, byKey('containers-image/cosign.pub')), 'signature');
    assert.is(judge(attached, DANGERZONE, keyless()), 'certificate');
  });

  test('the name of a certificate that is an otherName is read, to the byte', () => {
    const { verificationMaterial } = JSON.parse(
      readFileSync(join(VECTORS, 'bundles', 'othername.sigstore.json'), 'utf8'),
    );
    const certificate = parseSigningCertificate(Buffer.from(verificationMaterial.certificate.rawBytes, 'base64'));
    const issuer = { exactly: 'http://oidc.local:8080' };
    assert.is(checkIdentity(certificate, { identity: { exactly: 'foo!oidc.local' }, issuer }).type, 'other');
    for (const exactly of ['foo', 'foo!oidc.loca', 'oidc.local']) {
      assert.throws(() => checkIdentity(certificate, { identity: { exactly }, issuer }), /identity/, exactly);
    }
  });
} else {
  test('skipped: needs ../shared/vectors', () => console.log('skipped: needs ../shared/vectors'));
}

test.run();

import { generateKeyPairSync } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Requirement } from '../../src/verify/verify-candidate.ts';
import { makeBindingsWorld } from '../support/signed/bindings-world.ts';
import { EKU } from '../support/signed/certificate-authority.ts';
import { ecKeys, IDENTITY, ISSUER, simpleSigning, statement } from '../support/signed/signer.ts';
import { bundle, byKey, DIGEST, keyless, legacy, OTHER, PROVENANCE } from '../support/signed/verdict.ts';

// The bindings between a signature, its maker and an image, each broken alone. The table of docs/verify.md names these
// tests.

const test = suite('verify/bindings');

const samples = await makeBindingsWorld();
const { world, keys, payload, keySigner, signer, judge, withForeign } = samples;
const { goodByKey, goodKeyless, goodBundle } = samples;
/** The verdict on a keyless signature by a certificate. */
const ofCertificate = async (options: Parameters<typeof world.certified>[0], requirement = keyless()) =>
  judge(legacy(payload, await world.legacy(await world.certified(options), payload)), requirement);

test('signatures in which nothing is broken are good', () => {
  assert.is(judge(legacy(payload, goodByKey), byKey(keys.publicKey)), 'good');
  assert.is(judge(legacy(payload, goodKeyless), keyless()), 'good');
  assert.is(judge(bundle(goodBundle), keyless()), 'good');
});

test('keys of all kinds sign: larger curves with their own hash, RSA, pure Ed25519', async () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pairs = [
    { pair: ecKeys('P-384'), hash: 'sha384' },
    { pair: ecKeys('P-384'), hash: 'sha256' },
    { pair: ecKeys('P-521'), hash: 'sha512' },
    { pair: rsa, hash: 'sha256' },
    { pair: generateKeyPairSync('ed25519'), hash: undefined },
  ];
  for (const { pair, hash } of pairs) {
    const signed = await world.legacy(world.keySigner(pair), payload, { ...(hash && { hash }) });
    assert.is(
      judge(legacy(payload, signed), byKey(pair.publicKey)),
      'good',
      `${pair.publicKey.asymmetricKeyType} ${hash}`,
    );
    assert.is(judge(legacy(payload, signed), byKey(keys.publicKey)), 'signature');
  }
  const weak = await world.legacy(world.keySigner(rsa), payload, { hash: 'sha1' });
  assert.is(judge(legacy(payload, weak), byKey(rsa.publicKey)), 'signature', 'SHA-1');
});

test('an envelope that is logged as hashedrekord is good, with the digest of what was signed', async () => {
  const logged = await world.bundle(signer, statement(DIGEST), { loggedAsHash: true });
  assert.is(judge(bundle(logged), keyless()), 'good');
  const entry = { payload: statement(OTHER) };
  const other = await world.bundle(signer, statement(DIGEST), { loggedAsHash: true, entry });
  assert.is(judge(bundle(other), keyless()), 'log-entry');
});

test('signature: another key made it, whatever the log says', async () => {
  const forged = { ...keySigner, privateKey: ecKeys().privateKey };
  assert.is(judge(legacy(payload, await world.legacy(forged, payload)), byKey(keys.publicKey)), 'signature');
  const certified = { ...signer, privateKey: ecKeys().privateKey };
  assert.is(judge(legacy(payload, await world.legacy(certified, payload)), keyless()), 'signature');
  assert.is(judge(bundle(await world.bundle(certified, statement(DIGEST))), keyless()), 'signature');
});

test('signature: the payload was changed after it was signed', async () => {
  const unlogged = await world.legacy(keySigner, payload, { logged: false });
  assert.is(judge(legacy(payload, unlogged), byKey(keys.publicKey, true)), 'good');
  const other = simpleSigning(DIGEST, 'registry.example/apq');
  assert.is(judge(legacy(other, unlogged), byKey(keys.publicKey, true)), 'signature');
});

test('key: the certificate beside it is for another key', async () => {
  assert.is(judge(legacy(payload, goodKeyless), byKey(keys.publicKey)), 'key');
});

test('payload digest: a good signature of another image', async () => {
  const other = simpleSigning(OTHER, 'registry.example/app');
  const signed = await world.legacy(keySigner, other);
  assert.is(judge(legacy(other, signed), byKey(keys.publicKey)), 'payload-digest');
  assert.is(judge(legacy(other, signed), byKey(keys.publicKey), { digests: [OTHER] }), 'good');
});

test('payload type: a payload, an envelope or a statement of another kind', async () => {
  const simple = simpleSigning(DIGEST, 'registry.example/app', { type: 'atomic container signature' });
  assert.is(judge(legacy(simple, await world.legacy(keySigner, simple)), byKey(keys.publicKey)), 'payload-type');
  const plain = await world.bundle(signer, statement(DIGEST), { payloadType: 'text/plain' });
  assert.is(judge(bundle(plain), keyless()), 'payload-type');
  const odd = await world.bundle(signer, statement(DIGEST, { _type: 'https://example.com/Statement' }));
  assert.is(judge(bundle(odd), keyless()), 'payload-type');
  assert.is(judge(legacy(payload, goodKeyless), keyless(), { attestation: PROVENANCE }), 'payload-type');
});

test('predicate type: an attestation is no signature, and one type is not another', async () => {
  const provenance = bundle(await world.bundle(signer, statement(DIGEST, { predicateType: PROVENANCE })));
  assert.is(judge(provenance, keyless(), { attestation: PROVENANCE }), 'good');
  assert.is(judge(provenance, keyless()), 'predicate-type');
  assert.is(judge(provenance, keyless(), { attestation: 'https://spdx.dev/Document' }), 'predicate-type');
  for (const predicateType of [`${PROVENANCE} `, PROVENANCE.toUpperCase(), '', `${PROVENANCE}\u0000`]) {
    const malformed = bundle(await world.bundle(signer, statement(DIGEST, { predicateType })));
    assert.is(
      judge(malformed, keyless(), { attestation: PROVENANCE }),
      'predicate-type',
      JSON.stringify(predicateType),
    );
  }
});

test('subject: a statement about another image, by another hash, or about none', async () => {
  const hex = DIGEST.slice('sha256:'.length);
  const subjects = [[{ digest: { sha256: OTHER.slice(7) } }], [{ digest: { sha512: hex } }], []];
  for (const subject of subjects) {
    const other = bundle(await world.bundle(signer, statement(DIGEST, { subject })));
    assert.is(judge(other, keyless()), 'subject', JSON.stringify(subject));
  }
  const several = [{ digest: { sha256: OTHER.slice(7) } }, { digest: { sha256: hex } }];
  const both = bundle(await world.bundle(signer, statement(DIGEST, { subject: several })));
  assert.is(judge(both, keyless()), 'good', 'one of several subjects');
});

test('annotation: what was to be signed along is not', async () => {
  const annotations = { stage: 'production' };
  assert.is(judge(legacy(payload, goodByKey), byKey(keys.publicKey), { annotations }), 'annotation');
  const subject = [{ digest: { sha256: DIGEST.slice(7) }, annotations: { stage: 'test' } }];
  const test = bundle(await world.bundle(signer, statement(DIGEST, { subject })));
  assert.is(judge(test, keyless(), { annotations }), 'annotation');
  assert.is(judge(test, keyless(), { annotations: { stage: 'test' } }), 'good');
});

test('certificate: an unknown CA issued it, and brings its own chain along', () => {
  assert.is(
    judge(legacy(payload, goodKeyless), keyless(), { root: withForeign('certificateAuthorities') }),
    'certificate',
  );
  const [authority] = world.rootDocument.certificateAuthorities as readonly {
    certChain: { certificates: { rawBytes: string }[] };
  }[];
  const chain = (authority?.certChain.certificates ?? [])
    .map(({ rawBytes }) => `-----BEGIN CERTIFICATE-----\n${rawBytes}\n-----END CERTIFICATE-----\n`)
    .join('');
  const brought = { ...goodKeyless, 'dev.sigstore.cosign/chain': chain };
  assert.is(judge(legacy(payload, brought), keyless(), { root: withForeign('certificateAuthorities') }), 'certificate');
});

test('certificate: a signature by a key is none by an identity', () => {
  assert.is(judge(legacy(payload, goodByKey), keyless()), 'certificate');
});

test('code signing: a certificate for TLS servers, one for nothing, and a CA’s', async () => {
  assert.is(await ofCertificate({ usages: [EKU.tlsServer] }), 'code-signing');
  assert.is(await ofCertificate({ usages: [] }), 'code-signing');
  assert.is(await ofCertificate({ isCa: true }), 'code-signing');
  assert.is(await ofCertificate({ isCa: true, signsCertificates: true }), 'code-signing');
  assert.is(await ofCertificate({ usages: [EKU.tlsServer, EKU.codeSigning] }), 'good');
});

test('SCT: missing, of another certificate, by an unknown log', async () => {
  assert.is(await ofCertificate({ sct: 'none' }), 'sct');
  assert.is(await ofCertificate({ sct: 'of another' }), 'sct');
  assert.is(judge(legacy(payload, goodKeyless), keyless(), { root: withForeign('ctlogs') }), 'sct');
  const unlogged = { ...keyless(), ignoresSct: true } as Requirement;
  assert.is(await ofCertificate({ sct: 'none' }, unlogged), 'good', 'where nobody asks for one');
});

test('identity: a part of the name, one that looks alike in seven bits, another name', async () => {
  assert.is(judge(legacy(payload, goodKeyless), keyless(IDENTITY.slice(0, -1))), 'identity');
  assert.is(judge(legacy(payload, goodKeyless), keyless(`${IDENTITY}/`)), 'identity');
  assert.is(judge(legacy(payload, goodKeyless), keyless('')), 'identity');
  const bytes = Buffer.from(IDENTITY);
  bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) | 0x80;
  assert.is(await ofCertificate({ names: [{ type: 'uri', bytes }] }), 'identity');
  assert.is(await ofCertificate({ names: [{ type: 'uri', bytes: `${IDENTITY}\u0000` }] }), 'identity');
  assert.is(await ofCertificate({ names: [] }), 'identity');
});

test('identity: each name of a certificate counts, and a pattern is searched in them', async () => {
  const names = [
    { type: 'uri', bytes: 'https://example.com/other' },
    { type: 'email', bytes: 'dev@example.com' },
  ] as const;
  assert.is(await ofCertificate({ names }, keyless('dev@example.com')), 'good');
  assert.is(await ofCertificate({ names }, keyless('https://example.com/other')), 'good');
  assert.is(await ofCertificate({ names }, keyless('example.com')), 'identity');
  const pattern = (identity: RegExp) => ({ ...keyless(), identity: { pattern: identity } }) as Requirement;
  assert.is(await ofCertificate({ names }, pattern(/^dev@example\.com$/u)), 'good');
  assert.is(await ofCertificate({ names }, pattern(/^dev@example\.org$/u)), 'identity');
  const lines = [{ type: 'uri', bytes: 'https://evil.example\ndev@example.com' }] as const;
  assert.is(await ofCertificate({ names: lines }, pattern(/dev@example\.com/u)), 'identity', 'a name of two lines');
});

test('issuer: another one, none, and two that differ', async () => {
  assert.is(judge(legacy(payload, goodKeyless), keyless(IDENTITY, `${ISSUER}/`)), 'issuer');
  assert.is(judge(legacy(payload, goodKeyless), keyless(IDENTITY, ISSUER.slice(0, -1))), 'issuer');
  assert.is(await ofCertificate({ issuerV2: 'https://evil.example' }), 'issuer');
  assert.is(await ofCertificate({ issuer: 'https://evil.example', issuerV2: ISSUER }), 'issuer');
  assert.is(await ofCertificate({ issuer: 'https://evil.example' }), 'issuer');
});

test.run();

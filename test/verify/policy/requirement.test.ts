import { sign } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parsePublicKey } from '../../../src/crypto/public-key.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import { readPayloadSignature } from '../../../src/verify/candidate.ts';
import { type SigstoreRequirement, verifyByPolicy } from '../../../src/verify/policy/requirement.ts';
import { bindingOf } from '../../../src/verify/refuse.ts';
import { CA, type Issued, issue, LEAF } from '../../support/signed/authority.ts';
import { ecKeys, makeSignerWorld, publicPem, type Signer, simpleSigning } from '../../support/signed/signer.ts';
import { haveTools } from '../../support/tools.ts';

// Keys, Fulcio and certificate authorities of one's own, as policy.json names them.

const test = suite('verify/policy/requirement');

const payload = simpleSigning(`sha256:${'0'.repeat(64)}` as Digest, 'a.example/b:1');
const DAY = 86_400_000;

if (haveTools('openssl')) {
  const world = await makeSignerWorld();
  const rekorOf = ({ rootDocument }: { rootDocument: object }) => {
    const { tlogs } = JSON.parse(JSON.stringify(rootDocument));
    return parsePublicKey(
      `-----BEGIN PUBLIC KEY-----\n${tlogs[0].publicKey.rawBytes}\n-----END PUBLIC KEY-----\n`,
      'rekor.pub',
    );
  };
  const rekorKeys = [rekorOf(world)];
  const keys = ecKeys();
  const key = parsePublicKey(publicPem(keys.publicKey), 'cosign.pub');
  const otherKey = parsePublicKey(publicPem(ecKeys().publicKey), 'other.pub');

  /** The binding that is broken; `holds` where none is. */
  const judge = (
    annotations: Record<string, string>,
    required: Partial<SigstoreRequirement>,
    now = new Date(),
  ): string => {
    const whole = { keys: undefined, authority: undefined, rekorKeys: undefined, ...required };
    try {
      verifyByPolicy(readPayloadSignature('cosign-tag', payload, annotations), whole, now);
      return 'holds';
    } catch (error) {
      return bindingOf(error) ?? String(error);
    }
  };
  const signerOf = ({ privateKey, certificate, der }: Issued): Signer => ({
    privateKey,
    verifier: certificate,
    certificate: der,
  });
  /** Annotations of a signature that no log knows. */
  const unlogged = ({ privateKey, certificate }: Issued, chain: readonly Issued[] = []) => ({
    'dev.cosignproject.cosign/signature': sign('sha256', payload, privateKey).toString('base64'),
    'dev.sigstore.cosign/certificate': certificate,
    'dev.sigstore.cosign/chain': chain.map((each) => each.certificate).join(''),
  });

  test('a key that the policy names must have signed, any of several', async () => {
    const annotations = await world.legacy(world.keySigner(keys), payload, { logged: false });
    assert.is(judge(annotations, { keys: [key] }), 'holds');
    assert.is(judge(annotations, { keys: [otherKey, key] }), 'holds');
    assert.is(judge(annotations, { keys: [otherKey] }), 'signature');
    assert.is(judge(annotations, {}), 'key');
  });

  test('where the policy names a log, it must know the signature, and no other log counts', async () => {
    const logged = await world.legacy(world.keySigner(keys), payload);
    const { 'dev.sigstore.cosign/bundle': entry = '', ...unknown } = logged;
    assert.is(judge(logged, { keys: [key], rekorKeys }), 'holds');
    assert.is(judge(unknown, { keys: [key], rekorKeys }), 'log');
    assert.is(judge(logged, { keys: [key], rekorKeys: [otherKey] }), 'log');
    assert.is(judge(logged, { keys: [key], rekorKeys: [otherKey, ...rekorKeys] }), 'holds');
    const another = await world.legacy(world.keySigner(ecKeys()), payload);
    assert.not.equal(
      judge(
        { ...logged, 'dev.sigstore.cosign/bundle': another['dev.sigstore.cosign/bundle'] ?? '' },
        { keys: [key], rekorKeys },
      ),
      'holds',
    );
    const promise = JSON.parse(entry);
    promise.Payload.integratedTime += 1;
    assert.is(
      judge({ ...logged, 'dev.sigstore.cosign/bundle': JSON.stringify(promise) }, { keys: [key], rekorKeys }),
      'log-proof',
    );
  });

  const oidcIssuer = 'https://token.example.com';
  const subjectEmail = 'release@example.com';
  const issuerText = (text: string) => `1.3.6.1.4.1.57264.1.1=DER:${Buffer.from(text).toString('hex')}`;
  const CODE = 'extendedKeyUsage=codeSigning';
  const root = issue('a root', CA);
  const intermediate = issue('an intermediate', CA, root);
  const fulcio = { kind: 'fulcio', roots: root.certificate, oidcIssuer, subjectEmail } as const;

  test('a certificate of Fulcio holds for its address, its issuer and its root alone, and in a log', async () => {
    const leaf = issue('', [...LEAF, CODE, `subjectAltName=email:${subjectEmail}`, issuerText(oidcIssuer)], root);
    const logged = await world.legacy(signerOf(leaf), payload);
    const required = (changes: object = {}) => ({ authority: { ...fulcio, ...changes }, rekorKeys });
    assert.is(judge(logged, required()), 'holds');
    assert.is(judge(logged, required(), new Date(Date.now() + 300 * DAY)), 'holds', 'the log tells when it was signed');
    assert.is(judge(logged, required({ subjectEmail: 'Release@example.com' })), 'identity');
    assert.is(judge(logged, required({ subjectEmail: 'elease@example.com' })), 'identity');
    assert.is(judge(logged, required({ oidcIssuer: `${oidcIssuer}/` })), 'issuer');
    assert.is(judge(logged, required({ roots: issue('a root', CA).certificate })), 'certificate');
    assert.is(judge(logged, { ...required(), rekorKeys: [otherKey] }), 'log');
    assert.is(judge(unlogged(leaf), required()), 'time');
    assert.is(judge(await world.legacy(world.keySigner(keys), payload), required()), 'certificate');
  });

  test('a certificate of Fulcio must be for signing code, and name the issuer once', async () => {
    const names = `subjectAltName=email:${subjectEmail}`;
    const of = async (...extensions: readonly string[]) =>
      judge(await world.legacy(signerOf(issue('', [...LEAF, ...extensions], root)), payload), {
        authority: fulcio,
        rekorKeys,
      });
    assert.is(await of(names, issuerText(oidcIssuer)), 'code-signing');
    assert.is(await of(names, issuerText(oidcIssuer), 'extendedKeyUsage=serverAuth'), 'code-signing');
    assert.is(await of(names, CODE), 'issuer');
    const newer = '1.3.6.1.4.1.57264.1.8=ASN1:UTF8String:https://other.example.com';
    assert.is(await of(names, CODE, issuerText(oidcIssuer), newer), 'issuer');
    assert.is(await of(CODE, issuerText(oidcIssuer), `subjectAltName=URI:${subjectEmail}`), 'identity');
  });

  const HOST = 'subjectAltName=DNS:build.example.com,email:release@example.com';
  const pki = (changes: object = {}) => ({
    authority: {
      kind: 'pki' as const,
      roots: root.certificate,
      intermediates: intermediate.certificate,
      subjectEmail: undefined,
      subjectHostname: 'build.example.com',
      ...changes,
    },
  });

  test('a certificate of a PKI holds for its names, its root and its time', () => {
    const leaf = issue('leaf', [...LEAF, HOST], intermediate);
    assert.is(judge(unlogged(leaf), pki()), 'holds');
    assert.is(judge(unlogged(leaf), pki({ subjectEmail })), 'holds');
    assert.is(judge(unlogged(leaf), pki({ subjectEmail: 'other@example.com' })), 'identity');
    assert.is(judge(unlogged(leaf), pki({ subjectHostname: 'example.com' })), 'identity');
    assert.is(judge(unlogged(leaf), pki({ intermediates: '' })), 'certificate');
    assert.is(
      judge(unlogged(leaf, [intermediate, root]), pki({ intermediates: '' })),
      'holds',
      'anybody may bring intermediates',
    );
    assert.is(judge(unlogged(leaf), pki(), new Date(Date.now() + 3 * DAY)), 'time');
    assert.is(judge(unlogged(leaf), pki(), new Date(Date.now() - DAY)), 'time');
  });

  test('a root that comes with the signature is not trusted', () => {
    const own = issue('a root', CA);
    const leaf = issue('leaf', [...LEAF, HOST], own);
    assert.is(judge(unlogged(leaf, [own]), pki()), 'certificate');
    assert.is(judge(unlogged(leaf, [own, root]), pki()), 'certificate');
    const notCa = issue('no CA', [...LEAF, HOST], root);
    assert.is(judge(unlogged(issue('leaf', [...LEAF, HOST], notCa), [notCa]), pki()), 'certificate');
    const none = issue('a root', CA, root);
    assert.is(judge(unlogged(issue('leaf', [...LEAF, HOST], none), [none]), pki({ intermediates: '' })), 'holds');
  });

  test('a certificate, or a CA above it, that is for other uses does not sign images', () => {
    const of = (extensions: readonly string[], issuer = intermediate, chain: readonly Issued[] = []) =>
      judge(unlogged(issue('leaf', [...LEAF, HOST, ...extensions], issuer), chain), pki());
    assert.is(of([CODE]), 'holds');
    assert.is(of(['extendedKeyUsage=serverAuth,codeSigning']), 'holds');
    assert.is(of(['extendedKeyUsage=anyExtendedKeyUsage']), 'holds');
    assert.is(of(['extendedKeyUsage=serverAuth,clientAuth']), 'code-signing');
    const forServers = issue('for servers', [...CA, 'extendedKeyUsage=serverAuth'], root);
    assert.is(of([], forServers, [forServers]), 'code-signing');
    assert.is(of([CODE], forServers, [forServers]), 'code-signing');
  });

  test('a CA with limits that are not understood does not vouch for anything', () => {
    for (const limit of [
      'nameConstraints=critical,permitted;DNS:other.example.com',
      'nameConstraints=permitted;email:other.example.com',
      '1.2.3.4.5=critical,DER:0500',
    ]) {
      const limited = issue('limited', [...CA, limit], root);
      assert.is(judge(unlogged(issue('leaf', [...LEAF, HOST], limited), [limited]), pki()), 'certificate', limit);
    }
    const leaf = issue('leaf', [...LEAF, HOST, '1.2.3.4.5=critical,DER:0500'], intermediate);
    assert.is(judge(unlogged(leaf), pki()), 'certificate');
    const short = issue(
      'short',
      ['basicConstraints=critical,CA:TRUE,pathlen:0', 'keyUsage=critical,keyCertSign'],
      root,
    );
    const below = issue('below', CA, short);
    assert.is(judge(unlogged(issue('leaf', [...LEAF, HOST], below), [short, below]), pki()), 'certificate');
    assert.is(judge(unlogged(issue('leaf', [...LEAF, HOST], short), [short]), pki()), 'holds');
  });
} else {
  test('skipped: needs openssl', () => console.log('skipped: needs openssl'));
}

test.run();

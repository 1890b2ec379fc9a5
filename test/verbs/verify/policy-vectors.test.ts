import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import { openSource } from '../../../src/sources/open.ts';
import { verifyGpg } from '../../../src/verbs/verify/gpg.ts';
import type { PolicyImage } from '../../../src/verbs/verify/has-policy.ts';
import { obeyPolicy, openPolicy } from '../../../src/verbs/verify/policy.ts';
import { bindingOf } from '../../../src/verify/refuse.ts';
import { ROOT } from '../../support/checkout.ts';
import { failureOf } from '../../support/failure-of.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveTools } from '../../support/tools.ts';

// Images and signatures that other tools made, each with what must come of it.

const test = suite('verbs/verify/policy-vectors');

const VECTORS = join(ROOT, '..', 'shared', 'vectors', 'containers-image');
const PAYLOAD = '/vnd.dev.cosign.simplesigning.v1+json';
const MANIFEST = 'sha256:20bf21ed457b390829cdbeec8795a7bea1626991fda603e0d01b4e7f60427e55';
/** The name that most of cosign's signatures there have: without a tag. */
const SINGLE = '192.168.64.2:5000/cosign-signed-single-sample';

if (!existsSync(VECTORS)) {
  test('skipped: needs ../shared/vectors', () => console.log('skipped: needs ../shared/vectors'));
} else {
  const file = (name: string) => join(VECTORS, name);
  const read = (name: string) => readFileSync(file(name));

  const obey = async (image: PolicyImage, signaturePolicy: string): Promise<void> => {
    const options = { signaturePolicy, env: {} };
    const policy = openPolicy(options);
    if (policy === undefined) throw new Error('no policy was read');
    await obeyPolicy(policy, image, options);
  };

  /**
   * The binding that a policy of one requirement finds broken in a directory, or the code; `accepted` where it holds.
   */
  const judge = async (directory: string, reference: string, requirement: object): Promise<string> => {
    const signaturePolicy = join(tempDir(), 'policy.json');
    writeFileSync(signaturePolicy, JSON.stringify({ default: [requirement] }));
    try {
      const { source } = await openSource(`dir:${file(directory)}`, { storeRoot: tempDir() }, {});
      const digest = (await source.resolve())?.digest;
      if (digest === undefined) throw new Error('no manifest');
      const subject = { transport: 'docker', reference: parseReference(reference) } as const;
      await obey({ source, label: reference, digests: [digest], subject }, signaturePolicy);
      return 'accepted';
    } catch (error) {
      if (!(error instanceof TsimgError)) throw error;
      if (error.code !== 'IMAGE_REJECTED') return error.code;
      const { cause } = error;
      return bindingOf(cause) ?? (cause instanceof TsimgError ? cause.code : String(cause));
    }
  };

  const cosign = (key: string, more: object = { signedIdentity: { type: 'matchRepository' } }) => ({
    type: 'sigstoreSigned',
    keyPath: file(key),
    ...more,
  });
  const single = `${SINGLE}:latest`;
  const key1 = '192.168.64.2:5000/cosign-signed/key-1:latest';
  const rekor = { signedIdentity: { type: 'matchRepository' }, rekorPublicKeyPath: file('rekor.pub') };

  const byCosign: readonly [directory: string, reference: string, requirement: object, expected: string][] = [
    ['dir-img-cosign-valid', single, cosign('cosign.pub'), 'accepted'],
    ['dir-img-cosign-valid', single, cosign('cosign2.pub'), 'signature'],
    ['dir-img-cosign-valid', single, cosign('some-rsa-key.pub'), 'signature'],
    ['dir-img-cosign-valid', single, cosign('cosign.pub', {}), 'docker-reference'],
    ['dir-img-cosign-valid', 'other.example/a:latest', cosign('cosign.pub'), 'docker-reference'],
    ['dir-img-cosign-valid', single, cosign('cosign.pub', rekor), 'log'],
    [
      'dir-img-cosign-valid',
      single,
      {
        type: 'sigstoreSigned',
        keyPaths: [file('cosign2.pub'), file('cosign.pub')],
        signedIdentity: { type: 'exactRepository', dockerRepository: SINGLE },
      },
      'accepted',
    ],
    ['dir-img-cosign-valid-with-tag', '192.168.64.2:5000/skopeo-signed:tag', cosign('cosign.pub', {}), 'accepted'],
    [
      'dir-img-cosign-valid-with-tag',
      '192.168.64.2:5000/skopeo-signed:other',
      cosign('cosign.pub', {}),
      'docker-reference',
    ],
    ['dir-img-cosign-valid-2', single, cosign('cosign.pub'), 'accepted'],
    ['dir-img-cosign-mixed', single, cosign('cosign.pub'), 'accepted'],
    ['dir-img-cosign-modified-manifest', single, cosign('cosign.pub'), 'payload-digest'],
    ['dir-img-cosign-manifest-digest-error', single, cosign('cosign.pub'), 'payload-digest'],
    ['dir-img-cosign-no-manifest', single, cosign('cosign.pub'), 'ARCHIVE_INVALID'],
    ['dir-img-cosign-other-attachment', single, cosign('cosign.pub'), 'SIGNATURE_MISSING'],
    ['dir-img-cosign-key-rekor-valid', key1, cosign('cosign2.pub', rekor), 'accepted'],
    ['dir-img-cosign-key-rekor-valid', key1, cosign('cosign2.pub'), 'accepted'],
    ['dir-img-cosign-key-rekor-valid', key1, cosign('cosign.pub', rekor), 'signature'],
    [
      'dir-img-cosign-key-rekor-valid',
      key1,
      cosign('cosign2.pub', { ...rekor, rekorPublicKeyPath: file('cosign.pub') }),
      'log',
    ],
    ['dir-img-unsigned', single, cosign('cosign.pub'), 'SIGNATURE_MISSING'],
    ['dir-img-valid', 'testing/manifest:latest', cosign('cosign.pub'), 'SIGNATURE_MISSING'],
  ];
  for (const [index, [directory, reference, requirement, expected]] of byCosign.entries()) {
    test(`cosign ${index + 1}, ${directory}: ${expected}`, async () => {
      assert.is(await judge(directory, reference, requirement), expected);
    });
  }

  test('a signature by a key that nobody has is for none of the keys that are there', async () => {
    const bytes = read('unknown-cosign-key.signature');
    assert.ok(bytes.includes(PAYLOAD));
    const source = {
      label: 'vector',
      resolve: async () => undefined,
      signatureFiles: async () => [bytes],
      open: async () => {
        throw new Error('not to be read');
      },
      close: async () => {},
    };
    const signed = JSON.parse(bytes.subarray(bytes.indexOf('{')).toString());
    const digest = JSON.parse(Buffer.from(signed.payload, 'base64').toString()).critical.image[
      'docker-manifest-digest'
    ];
    for (const key of ['cosign.pub', 'cosign2.pub', 'some-rsa-key.pub']) {
      const signaturePolicy = join(tempDir(), 'policy.json');
      writeFileSync(signaturePolicy, JSON.stringify({ default: [cosign(key)] }));
      const subject = { transport: 'docker', reference: parseReference(single) } as const;
      const error = await failureOf(
        obey({ source, label: single, digests: [digest], subject }, signaturePolicy),
        'IMAGE_REJECTED',
      );
      assert.is(bindingOf(error.cause), 'signature');
    }
  });

  test('a certificate is demanded where the policy names authorities: the CAs of Fulcio and of a PKI have signed none of these', async () => {
    const fulcio = {
      caPath: file('fulcio_v1.crt.pem'),
      oidcIssuer: 'https://github.com/login/oauth',
      subjectEmail: 'a@example.com',
    };
    const pki = {
      caRootsPath: file('pki_root_crts.pem'),
      caIntermediatesPath: file('pki_intermediate_crts.pem'),
      subjectHostname: 'myhost.example.com',
    };
    for (const requirement of [
      { type: 'sigstoreSigned', fulcio, ...rekor },
      { type: 'sigstoreSigned', fulcio: { ...fulcio, caPath: file('fulcio-chain') }, ...rekor },
      { type: 'sigstoreSigned', pki, signedIdentity: { type: 'matchRepository' } },
    ]) {
      assert.is(await judge('dir-img-cosign-key-rekor-valid', key1, requirement), 'certificate');
    }
  });

  if (haveTools('gpgv')) {
    const gpg = (key: string, more: object = {}) => ({
      type: 'signedBy',
      keyType: 'GPGKeys',
      keyPath: file(key),
      ...more,
    });
    const own = 'testing/manifest:latest';
    const byGpg: readonly [directory: string, reference: string, requirement: object, expected: string][] = [
      ['dir-img-valid', own, gpg('public-key.gpg'), 'accepted'],
      ['dir-img-valid', 'testing/manifest:other', gpg('public-key.gpg'), 'docker-reference'],
      ['dir-img-valid', `testing/manifest@${MANIFEST}`, gpg('public-key.gpg'), 'accepted'],
      [
        'dir-img-valid',
        own,
        { ...gpg('public-key.gpg'), keyPath: undefined, keyData: read('public-key.gpg').toString('base64') },
        'accepted',
      ],
      ['dir-img-valid-2', own, gpg('public-key.gpg'), 'accepted'],
      ['dir-img-mixed', own, gpg('public-key.gpg'), 'accepted'],
      ['dir-img-valid-subkey', own, gpg('public-key-with-subkey.gpg'), 'accepted'],
      ['dir-img-valid-subkey', own, gpg('public-key.gpg'), 'signature'],
      ['dir-img-unsigned', own, gpg('public-key.gpg'), 'SIGNATURE_MISSING'],
      ['dir-img-modified-manifest', own, gpg('public-key.gpg'), 'payload-digest'],
      ['dir-img-manifest-digest-error', own, gpg('public-key.gpg'), 'payload-digest'],
      ['dir-img-no-manifest', own, gpg('public-key.gpg'), 'ARCHIVE_INVALID'],
      ['dir-img-cosign-valid', single, gpg('public-key.gpg'), 'SIGNATURE_MISSING'],
    ];
    for (const [index, [directory, reference, requirement, expected]] of byGpg.entries()) {
      test(`GPG ${index + 1}, ${directory}: ${expected}`, async () => {
        assert.is(await judge(directory, reference, requirement), expected);
      });
    }

    test('a signature that is valid and has expired is refused, one of the same key that has not is not', async () => {
      const keys = { keys: [read('public-key.gpg')], digests: [MANIFEST as never] };
      const error = await failureOf(verifyGpg(read('expired.signature'), keys), 'SIGNATURE_INVALID');
      assert.match(error.why ?? '', /the signature has expired/);
      assert.is(await verifyGpg(read('image.signature'), keys), 'testing/manifest');
    });
  }
}

test.run();

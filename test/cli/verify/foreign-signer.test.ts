import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { attachArtifactToImage, getImageDigest } from '@sigstore/oci';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Digest } from '../../../src/oci/digest.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import { pullToStore } from '../../../src/verbs/image/pull-to-store.ts';
import { tsimg } from '../../support/command/tsimg.ts';
import { makeImage } from '../../support/image/image.ts';
import { named, writeLayout } from '../../support/image/layout.ts';
import { ACCOUNT, startDockerRegistry } from '../../support/registry/docker-registry.ts';
import { BUNDLE_TYPE, BY_IDENTITY } from '../../support/signed/signed-image.ts';
import { IDENTITY, ISSUER, makeSignerWorld, statement } from '../../support/signed/signer.ts';
import { PROVENANCE } from '../../support/signed/verdict.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveTools } from '../../support/tools.ts';

// What another program attaches to images: Sigstore's own @sigstore/oci, which GitHub's attestations are written with.

const test = suite('cli/verify/foreign-signer');
const SPDX = 'https://spdx.dev/Document';
const COSIGN = 'https://sigstore.dev/cosign/sign/v1';

if (haveTools('docker-registry', 'skopeo')) {
  const registry = await startDockerRegistry({ login: true });
  const world = await makeSignerWorld();
  const signer = await world.certified();
  test.after(async () => {
    await registry[Symbol.asyncDispose]();
  });
  const authFile = join(tempDir(), 'auth.json');
  const auth = Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString('base64');
  writeFileSync(authFile, JSON.stringify({ auths: { [registry.host]: { auth } } }));

  /** A fresh image in a repository of its own; its digest is what @sigstore/oci reads in the registry. */
  const push = async (name: string) => {
    const image = makeImage({ layers: [Buffer.alloc(1024, name)], gzip: true });
    const layout = writeLayout(join(tempDir(), 'layout'), [named(image.descriptor, 'latest')], image.blobs);
    registry.fill(`oci:${layout}:latest`, `${name}:1`);
    const imageName = `${registry.host}/${name}`;
    const digest = await getImageDigest({ imageName, imageTag: '1', credentials: ACCOUNT });
    return { imageName, reference: `${imageName}:1`, digest: digest as Digest };
  };
  type Image = Awaited<ReturnType<typeof push>>;

  const attach = ({ imageName, digest }: Image, artifact: Buffer, predicateType: string) =>
    attachArtifactToImage({
      imageName,
      imageDigest: digest,
      credentials: ACCOUNT,
      artifact,
      mediaType: BUNDLE_TYPE,
      annotations: {
        'dev.sigstore.bundle.content': 'dsse-envelope',
        'dev.sigstore.bundle.predicateType': predicateType,
      },
    });
  const attested = ({ digest }: Image, predicateType: string, predicate: object = {}) =>
    world.bundle(signer, statement(digest, { predicateType, predicate }));

  const SIGNER = ['--certificate-identity', IDENTITY, '--certificate-oidc-issuer', ISSUER];
  const SIGNED = [...SIGNER, '--trusted-root', world.trustedRoot];
  const call = (verb: string, args: readonly string[], root = join(tempDir(), 'store')) =>
    tsimg([verb, ...args], { env: { TSIMG_ROOT: root, REGISTRY_AUTH_FILE: authFile } });
  const demand = (verb: string, args: readonly string[], root?: string) => call(verb, [...SIGNED, ...args], root);
  /** Verifies what the store keeps: without credentials, the registry would answer nothing. */
  const demandOfStore = (root: string, ...args: readonly string[]) =>
    tsimg(['verify', ...SIGNED, ...args], { env: { TSIMG_ROOT: root, HOME: '/nonexistent' } });

  test('attestations are verified by their types, printed, and listed', async () => {
    const image = await push('attested');
    const made = [
      await attach(image, await attested(image, PROVENANCE, { made: 'by a builder' }), PROVENANCE),
      await attach(image, await attested(image, SPDX, { name: 'an SBOM' }), SPDX),
    ];
    for (const [type, predicate] of [
      ['slsaprovenance1', { made: 'by a builder' }],
      ['spdxjson', { name: 'an SBOM' }],
    ] as const) {
      const { status, stdout, stderr } = demand('verify', ['--attestation', type, image.reference]);
      assert.is(status, 0, stderr);
      assert.equal(JSON.parse(stdout).predicate, predicate);
    }
    const { stdout } = call('referrers', ['--json', image.reference]);
    const rows = JSON.parse(stdout).map(({ form, type, digest, subject }: Record<string, string>) => [
      form,
      type,
      digest,
      subject,
    ]);
    assert.equal(
      rows,
      [PROVENANCE, SPDX].map((type, index) => [
        'referrer',
        `${BUNDLE_TYPE} ${type}`,
        made[index]?.digest,
        image.digest,
      ]),
    );
  });

  test('an attestation that was altered, or is about another image, is refused', async () => {
    const image = await push('altered');
    const altered = JSON.parse((await attested(image, PROVENANCE)).toString('utf8'));
    altered.dsseEnvelope.payload = statement(image.digest, {
      predicateType: PROVENANCE,
      predicate: { made: 'by somebody else' },
    }).toString('base64');
    await attach(image, Buffer.from(JSON.stringify(altered)), PROVENANCE);
    const first = demand('verify', ['--attestation', 'slsaprovenance1', image.reference]);
    assert.is(first.status, 5);
    assert.match(first.stderr, /log-entry: /, 'the log has another payload');

    const other = await push('other');
    await attach(other, await attested(image, PROVENANCE), PROVENANCE);
    const second = demand('verify', ['--attestation', 'slsaprovenance1', other.reference]);
    assert.is(second.status, 5);
    assert.match(second.stderr, /subject: /);
  });

  test('a signature lets pull bring its image in and is kept beside it; a provenance is none, an altered one neither', async () => {
    const image = await push('signed');
    await attach(image, await attested(image, PROVENANCE), PROVENANCE);
    const unsigned = demand('pull', [image.reference]);
    assert.is(unsigned.status, 5);
    assert.match(unsigned.stderr, /the image has no signature/);

    const altered = JSON.parse((await attested(image, COSIGN)).toString('utf8'));
    const signature = Buffer.from(altered.dsseEnvelope.signatures[0].sig, 'base64');
    signature[signature.length - 1] = (signature.at(-1) ?? 0) ^ 1;
    altered.dsseEnvelope.signatures[0].sig = signature.toString('base64');
    await attach(image, Buffer.from(JSON.stringify(altered)), COSIGN);
    const refused = demand('pull', [image.reference]);
    assert.is(refused.status, 5);
    assert.match(refused.stderr, /log-entry: /);

    await attach(image, await attested(image, COSIGN), COSIGN);
    const root = join(tempDir(), 'store');
    const pulled = demand('pull', [image.reference], root);
    assert.is(pulled.status, 0, pulled.stderr);
    assert.ok(pulled.stderr.includes(`${image.digest}: signed by ${IDENTITY}`), pulled.stderr);
    const kept = demandOfStore(root, `store:${image.reference}`);
    assert.is(kept.status, 0, kept.stderr);
    assert.match(kept.stdout, /^sha256:.* {2}bundle$/m);
  });

  test('the library demands an attestation of a pull, and keeps it', async () => {
    const image = await push('by-library');
    await attach(image, await attested(image, PROVENANCE), PROVENANCE);
    const [root, signatures] = [join(tempDir(), 'store'), { ...BY_IDENTITY, trustedRoot: world.trustedRoot }];
    await pullToStore(parseReference(image.reference), {
      env: {},
      authFile,
      root,
      signatures: { ...signatures, attestation: PROVENANCE },
    });
    const kept = demandOfStore(root, '--attestation', 'slsaprovenance1', `store:${image.reference}`);
    assert.is(kept.status, 0, kept.stderr);
  });
} else {
  test('skipped: needs docker-registry and skopeo', () => console.log('skipped: needs docker-registry and skopeo'));
}

test.run();

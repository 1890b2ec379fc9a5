import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ed25519ph } from '@noble/curves/ed25519';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TsimgEvent } from '../../../src/events.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import { listStored } from '../../../src/store/names.ts';
import { storeAt } from '../../../src/store/open.ts';
import { openImage } from '../../../src/verbs/image/open-image.ts';
import { pullToStore } from '../../../src/verbs/image/pull-to-store.ts';
import { verifySource } from '../../../src/verbs/signatures/verify.ts';
import type { Demands } from '../../../src/verbs/verify/admit.ts';
import type { VerificationChoice } from '../../../src/verbs/verify/verification.ts';
import { bindingOf } from '../../../src/verify/refuse.ts';
import { startDockerRegistry } from '../../support/docker-registry.ts';
import { failureOf } from '../../support/failure-of.ts';
import { makeImage } from '../../support/image.ts';
import { named, writeLayout } from '../../support/layout.ts';
import { type Pushed, pushArtifact, pushReferrer } from '../../support/push.ts';
import {
  ecKeys,
  IDENTITY,
  ISSUER,
  makeSignerWorld,
  publicPem,
  simpleSigning,
  statement,
} from '../../support/signer.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveTools } from '../../support/tools.ts';

// Images that are signed in every form that cosign writes, in a real registry.

const test = suite('verbs/verify/verify-image');
const PAYLOAD = 'application/vnd.dev.cosign.simplesigning.v1+json';
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const ENV = { HOME: '/nonexistent' };

if (haveTools('docker-registry', 'skopeo')) {
  const registry = await startDockerRegistry();
  const world = await makeSignerWorld();
  const keys = ecKeys();
  const keyFile = join(tempDir(), 'cosign.pub');
  writeFileSync(keyFile, publicPem(keys.publicKey));
  test.after(async () => {
    await registry[Symbol.asyncDispose]();
  });

  /** A fresh image in a repository of its own. */
  const push = (name: string, to = registry): { reference: string; image: Pushed } => {
    const image = makeImage({ layers: [Buffer.alloc(1024, name)], gzip: true });
    const path = writeLayout(join(tempDir(), 'layout'), [named(image.descriptor, 'latest')], image.blobs);
    to.fill(`oci:${path}:latest`, `${name}:1`);
    const { mediaType, digest, size } = image.descriptor;
    return { reference: `${to.host}/${name}:1`, image: { mediaType, digest: digest as Pushed['digest'], size } };
  };
  const verify = (reference: string, signatures: VerificationChoice) =>
    verifySource(reference, { env: ENV, signatures: { trustedRoot: world.trustedRoot, ...signatures } });
  const refusal = async (reference: string, signatures: VerificationChoice) => {
    const error = await failureOf(verify(reference, signatures));
    return bindingOf(error) ?? error.code;
  };
  const attach = (name: string, image: Pushed, payload: Buffer, ...signatures: readonly Record<string, string>[]) =>
    pushArtifact(registry.host, name, {
      tag: `${image.digest.replace(':', '-')}.sig`,
      layers: signatures.map((annotations) => ({ mediaType: PAYLOAD, bytes: payload, annotations })),
    });

  test('cosign’s signature with a key, at the tag of the digest', async () => {
    const { reference, image } = push('tagged');
    const payload = simpleSigning(image.digest as never, 'tagged');
    await attach('tagged', image, payload, await world.legacy(world.keySigner(keys), payload));
    const [good] = await verify(reference, { keys: [keyFile] });
    assert.is(good?.digest, image.digest);
    assert.is(good?.form, 'cosign-tag');
    assert.is(good?.identity, undefined);
    const other = join(tempDir(), 'other.pub');
    writeFileSync(other, publicPem(ecKeys().publicKey));
    assert.is(await refusal(reference, { keys: [other] }), 'signature');
    assert.ok(await verify(reference, { keys: [other, keyFile] }), 'any of the keys');
  });

  test('a signature for another image is none for this one', async () => {
    const { reference, image } = push('moved');
    const payload = simpleSigning(`sha256:${'0'.repeat(64)}` as never, 'moved');
    await attach('moved', image, payload, await world.legacy(world.keySigner(keys), payload));
    assert.is(await refusal(reference, { keys: [keyFile] }), 'payload-digest');
  });

  test('a keyless signature holds for its identity and issuer alone', async () => {
    const { reference, image } = push('keyless');
    const payload = simpleSigning(image.digest as never, 'keyless');
    await attach('keyless', image, payload, await world.legacy(await world.certified(), payload));
    const identity = { exactly: IDENTITY };
    const issuer = { exactly: ISSUER };
    const [good] = await verify(reference, { identity, issuer });
    assert.is(good?.identity, IDENTITY);
    assert.is(good?.issuer, ISSUER);
    assert.is(await refusal(reference, { identity: { exactly: 'https://example.com/app' }, issuer }), 'identity');
    assert.is(await refusal(reference, { identity, issuer: { exactly: 'https://other.example.com' } }), 'issuer');
    assert.is(await refusal(reference, { keys: [keyFile] }), 'key');
  });

  test('a bundle that refers to the image', async () => {
    const { reference, image } = push('bundled');
    const bytes = await world.bundle(await world.certified(), statement(image.digest as never));
    await pushReferrer(registry.host, 'bundled', image, {
      config: { mediaType: 'application/vnd.oci.empty.v1+json', bytes: Buffer.from('{}') },
      layers: [{ mediaType: BUNDLE, bytes }],
      fields: { artifactType: BUNDLE },
    });
    const [good] = await verify(reference, { identity: { exactly: IDENTITY }, issuer: { exactly: ISSUER } });
    assert.is(good?.form, 'bundle');
  });

  test('keys of every kind: P-384 with its own hash, RSA, Ed25519, and Ed25519 over a hash', async () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const ed25519 = generateKeyPairSync('ed25519');
    const p384 = ecKeys('P-384');
    const prehashed = (message: Buffer) => {
      const seed = ed25519.privateKey.export({ type: 'pkcs8', format: 'der' }).subarray(-32);
      return Buffer.from(ed25519ph.sign(message, seed));
    };
    const cases: readonly [string, KeyObject, (payload: Buffer) => Buffer][] = [
      ['p384', p384.publicKey, (payload) => sign('sha384', payload, p384.privateKey)],
      ['rsa', rsa.publicKey, (payload) => sign('sha256', payload, rsa.privateKey)],
      ['ed25519', ed25519.publicKey, (payload) => sign(null, payload, ed25519.privateKey)],
      ['ed25519ph', ed25519.publicKey, prehashed],
    ];
    for (const [name, key, signed] of cases) {
      const { reference, image } = push(name);
      const payload = simpleSigning(image.digest as never, name);
      await attach(name, image, payload, { 'dev.cosignproject.cosign/signature': signed(payload).toString('base64') });
      const file = join(tempDir(), 'key.pub');
      writeFileSync(file, publicPem(key));
      const [good] = await verify(reference, { keys: [file], ignoresLog: true });
      assert.is(good?.digest, image.digest, name);
      assert.is(await refusal(reference, { keys: [file] }), 'log', `${name}: it is in no log`);
    }
  });

  test('without its SCT a certificate is good only where that is asked for', async () => {
    const { reference, image } = push('no-sct');
    const payload = simpleSigning(image.digest as never, 'no-sct');
    await attach('no-sct', image, payload, await world.legacy(await world.certified(), payload));
    // The log of the certificate is unknown to this root
    const { ctlogs: _ctlogs, ...rest } = world.rootDocument as { ctlogs: unknown };
    const trustedRoot = join(tempDir(), 'trusted_root.json');
    writeFileSync(trustedRoot, JSON.stringify({ ...rest, ctlogs: [] }));
    const signer = { identity: { exactly: IDENTITY }, issuer: { exactly: ISSUER }, trustedRoot };
    assert.is(await refusal(reference, signer), 'sct');
    const [good] = await verify(reference, { ...signer, ignoresSct: true });
    assert.is(good?.identity, IDENTITY);
  });

  test('a demand that names no signer lets no image in', async () => {
    const { reference } = push('nobody');
    const root = join(tempDir(), 'store');
    for (const signatures of [
      { annotations: { team: 'x' } },
      { trustedRoot: world.trustedRoot },
      { ignoresSct: true },
      {},
    ]) {
      const pulled = pullToStore(parseReference(reference), { env: ENV, root, signatures });
      assert.is((await failureOf(pulled)).code, 'USAGE', JSON.stringify(signatures));
    }
    assert.equal(await listStored(storeAt(root)), []);
  });

  test('a mistake in what is demanded is told before a registry is asked', async () => {
    const nowhere = '127.0.0.1:1/nobody/listens:1';
    const broken = join(tempDir(), 'broken');
    writeFileSync(broken, '{');
    const demands: readonly [string, Demands][] = [
      ['USAGE', { signatures: { annotations: { team: 'x' } } }],
      ['KEY_INVALID', { signatures: { keys: [broken] } }],
      ['TRUST_ROOT_INVALID', { signatures: { keys: [keyFile], trustedRoot: broken } }],
      ['POLICY_INVALID', { signaturePolicy: broken }],
      ['SOURCE_NOT_FOUND', { signaturePolicy: join(tempDir(), 'missing') }],
      ['REGISTRY_UNREACHABLE', { signatures: { keys: [keyFile] } }],
    ];
    for (const [code, demand] of demands) {
      const options = { env: ENV, root: join(tempDir(), 'store'), ...demand };
      assert.is((await failureOf(pullToStore(parseReference(nowhere), options))).code, code);
      assert.is((await failureOf(openImage(`docker://${nowhere}`, options))).code, code);
    }
  });

  test('details tell the newest log of the trusted root, and why other signatures do not count', async () => {
    const { reference, image } = push('detailed');
    const payload = simpleSigning(image.digest as never, 'detailed');
    const [first, second] = [
      await world.legacy(world.keySigner(ecKeys()), payload),
      await world.legacy(world.keySigner(keys), payload),
    ];
    await attach('detailed', image, payload, first, second);
    const details: string[] = [];
    const onEvent = (event: TsimgEvent) => void (event.kind === 'detail' && details.push(event.message));
    await verifySource(
      reference,
      { env: ENV, signatures: { trustedRoot: world.trustedRoot, keys: [keyFile] } },
      { onEvent },
    );
    assert.match(details[0] ?? '', /^trusted root \S+: its newest log is https?:\S+ \(since 20\d\d-/);
    assert.is(details.length, 2);
    assert.match(details[1] ?? '', /signature: /);
  });

  test('a stored image is verified without its registry by the signer of its pull, and with it by others', async () => {
    const own = await startDockerRegistry();
    const { reference, image } = push('kept', own);
    const [first, second] = [simpleSigning(image.digest as never, 'kept'), ecKeys()];
    const otherKey = join(tempDir(), 'second.pub');
    writeFileSync(otherKey, publicPem(second.publicKey));
    await pushArtifact(own.host, 'kept', {
      tag: `${image.digest.replace(':', '-')}.sig`,
      layers: [{ mediaType: PAYLOAD, bytes: first, annotations: await world.legacy(world.keySigner(keys), first) }],
    });
    const bytes = await world.bundle(world.keySigner(second), statement(image.digest as never));
    await pushReferrer(own.host, 'kept', image, {
      layers: [{ mediaType: BUNDLE, bytes }],
      fields: { artifactType: BUNDLE },
    });
    const root = join(tempDir(), 'store');
    const { trustedRoot } = world;
    await pullToStore(parseReference(reference), { env: ENV, root, signatures: { keys: [keyFile], trustedRoot } });
    const stored = (key: string) =>
      verifySource(`store:${reference}`, {
        env: ENV,
        root,
        retry: { retries: 0, delay: 1 },
        signatures: { keys: [key], trustedRoot },
      });
    assert.is((await stored(otherKey))[0]?.form, 'bundle');
    await own[Symbol.asyncDispose]();
    assert.is((await stored(keyFile))[0]?.form, 'cosign-tag');
    const { code, message } = await failureOf(stored(otherKey));
    assert.is(code, 'SIGNATURE_INVALID', message);
  });

  test('an image without a signature is refused, and so is one whose registry does not answer', async () => {
    const { reference } = push('unsigned');
    assert.is(await refusal(reference, { keys: [keyFile] }), 'SIGNATURE_MISSING');
  });
} else {
  test('skipped: needs docker-registry and skopeo', () => console.log('skipped: needs docker-registry and skopeo'));
}

test.run();

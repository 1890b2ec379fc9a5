import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ed25519ph } from '@noble/curves/ed25519';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TsimgEvent } from '../../../src/events.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import { platformOfNodeArch } from '../../../src/oci/platform.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import { listStored } from '../../../src/store/names.ts';
import { storeAt } from '../../../src/store/open.ts';
import { openImage } from '../../../src/verbs/image/open-image.ts';
import { pullToStore } from '../../../src/verbs/image/pull-to-store.ts';
import { tagImage } from '../../../src/verbs/image/tag.ts';
import { verifySource } from '../../../src/verbs/signatures/verify.ts';
import type { Demands } from '../../../src/verbs/verify/admit.ts';
import type { VerificationChoice } from '../../../src/verbs/verify/verification.ts';
import { bindingOf } from '../../../src/verify/refuse.ts';
import { failureOf } from '../../support/failure-of.ts';
import { makeImage, makeIndex } from '../../support/image/image.ts';
import { named, writeLayout } from '../../support/image/layout.ts';
import { startDockerRegistry } from '../../support/registry/docker-registry.ts';
import { type Pushed, pushArtifact, pushDocument } from '../../support/registry/push.ts';
import {
  attachBundle,
  attachLayers,
  BY_IDENTITY,
  cosignLayer,
  PAYLOAD_TYPE,
} from '../../support/signed/signed-image.ts';
import {
  ecKeys,
  IDENTITY,
  ISSUER,
  makeSignerWorld,
  publicPem,
  simpleSigning,
  statement,
} from '../../support/signed/signer.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveTools } from '../../support/tools.ts';

// Images that are signed in every form that cosign writes, in a real registry.

const test = suite('verbs/verify/verify-image');
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
    return { reference: `${to.host}/${name}:1`, image: { mediaType, digest, size } };
  };
  const verify = (reference: string, signatures: VerificationChoice) =>
    verifySource(reference, { env: ENV, signatures: { trustedRoot: world.trustedRoot, ...signatures } });
  const refusal = async (reference: string, signatures: VerificationChoice) => {
    const error = await failureOf(verify(reference, signatures));
    return bindingOf(error) ?? error.code;
  };
  const byKey = world.keySigner(keys);
  /** Signs an image as cosign does, in the repository of the image. */
  const attachSigned = async (name: string, image: Pushed, signer = byKey, to = registry) =>
    attachLayers(to.host, name, image, await cosignLayer(world, signer, image.digest, name));

  test('cosign’s signature with a key, at the tag of the digest', async () => {
    const { reference, image } = push('tagged');
    await attachSigned('tagged', image);
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
    const layer = await cosignLayer(world, byKey, `sha256:${'0'.repeat(64)}` as Digest, 'moved');
    await attachLayers(registry.host, 'moved', image, layer);
    assert.is(await refusal(reference, { keys: [keyFile] }), 'payload-digest');
  });

  test('a keyless signature holds for its identity and issuer alone', async () => {
    const { reference, image } = push('keyless');
    await attachSigned('keyless', image, await world.certified());
    const { identity, issuer } = BY_IDENTITY;
    const [good] = await verify(reference, { identity, issuer });
    assert.is(good?.identity, IDENTITY);
    assert.is(good?.issuer, ISSUER);
    assert.is(await refusal(reference, { identity: { exactly: 'https://example.com/app' }, issuer }), 'identity');
    assert.is(await refusal(reference, { identity, issuer: { exactly: 'https://other.example.com' } }), 'issuer');
    assert.is(await refusal(reference, { keys: [keyFile] }), 'key');
  });

  test('a bundle that refers to the image', async () => {
    const { reference, image } = push('bundled');
    const bytes = await world.bundle(await world.certified(), statement(image.digest));
    await attachBundle(registry.host, 'bundled', image, bytes);
    const [good] = await verify(reference, BY_IDENTITY);
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
      const bytes = simpleSigning(image.digest, name);
      const annotations = { 'dev.cosignproject.cosign/signature': signed(bytes).toString('base64') };
      await attachLayers(registry.host, name, image, { mediaType: PAYLOAD_TYPE, bytes, annotations });
      const file = join(tempDir(), 'key.pub');
      writeFileSync(file, publicPem(key));
      const [good] = await verify(reference, { keys: [file], ignoresLog: true });
      assert.is(good?.digest, image.digest, name);
      assert.is(await refusal(reference, { keys: [file] }), 'log', `${name}: it is in no log`);
    }
  });

  test('without its SCT a certificate is good only where that is asked for', async () => {
    const { reference, image } = push('no-sct');
    await attachSigned('no-sct', image, await world.certified());
    // The log of the certificate is unknown to this root
    const { ctlogs: _ctlogs, ...rest } = world.rootDocument as { ctlogs: unknown };
    const trustedRoot = join(tempDir(), 'trusted_root.json');
    writeFileSync(trustedRoot, JSON.stringify({ ...rest, ctlogs: [] }));
    const signer = { ...BY_IDENTITY, trustedRoot };
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
    const signers = [world.keySigner(ecKeys()), byKey];
    const layers = await Promise.all(signers.map((signer) => cosignLayer(world, signer, image.digest, 'detailed')));
    await attachLayers(registry.host, 'detailed', image, ...layers);
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
    const second = ecKeys();
    const otherKey = join(tempDir(), 'second.pub');
    writeFileSync(otherKey, publicPem(second.publicKey));
    await attachSigned('kept', image, byKey, own);
    const bytes = await world.bundle(world.keySigner(second), statement(image.digest));
    await attachBundle(own.host, 'kept', image, bytes);
    const root = join(tempDir(), 'store');
    const { trustedRoot } = world;
    await pullToStore(parseReference(reference), { env: ENV, root, signatures: { keys: [keyFile], trustedRoot } });
    const stored = (key: string, name = reference, env: object = ENV) =>
      verifySource(`store:${name}`, {
        env: { ...env },
        root,
        requests: { retries: 0, retryDelay: 1 },
        signatures: { keys: [key], trustedRoot },
      });
    assert.is((await stored(otherKey))[0]?.form, 'bundle');
    for (const id of [image.digest.slice('sha256:'.length, 'sha256:'.length + 7), image.digest.slice(0, 12)]) {
      assert.is((await stored(otherKey, id))[0]?.form, 'bundle', id);
    }
    // A name that looks like an ID: its own repository is asked, not that of another name
    await tagImage(reference, 'cafe', { storeRoot: root });
    const conf = join(tempDir(), 'registries.conf');
    writeFileSync(conf, '[[registry]]\nlocation = "docker.io/library/cafe"\nblocked = true\n');
    const blocked = await failureOf(stored(otherKey, 'cafe', { ...ENV, CONTAINERS_REGISTRIES_CONF: conf }));
    assert.match(blocked.message, /library\/cafe.*blocked/);
    await own[Symbol.asyncDispose]();
    assert.is((await stored(keyFile))[0]?.form, 'cosign-tag');
    const { code, message } = await failureOf(stored(otherKey));
    assert.is(code, 'SIGNATURE_INVALID', message);
  });

  test('a trusted root that is in the store is taken where none is named, for pulls and verification', async () => {
    const { reference, image } = push('by-updated-root');
    await attachSigned('by-updated-root', image);
    const root = join(tempDir(), 'store');
    const options = { env: ENV, root, signatures: { keys: [keyFile] } };
    await failureOf(verifySource(reference, options), 'SIGNATURE_INVALID');
    await failureOf(pullToStore(parseReference(reference), options), 'SIGNATURE_INVALID');
    mkdirSync(join(root, 'trust'), { recursive: true });
    copyFileSync(world.trustedRoot, join(root, 'trust', 'trusted_root.json'));
    assert.is((await verifySource(reference, options)).length, 1);
    assert.is((await pullToStore(parseReference(reference), options)).manifestDigest, image.digest);
  });

  test('with all platforms, what the index lists and is no image must be signed as well', async () => {
    const { image } = push('mixed');
    await attachSigned('mixed', image);
    const artifact = await pushArtifact(registry.host, 'mixed', {
      config: { mediaType: 'application/vnd.example.notes', bytes: Buffer.from('{}') },
      layers: [{ mediaType: 'text/plain', bytes: Buffer.from('notes') }],
    });
    const { descriptor, bytes } = makeIndex([artifact, { ...image, platform: platformOfNodeArch(process.arch) }]);
    await pushDocument(registry.host, 'mixed', descriptor.mediaType, bytes, 'all');
    const signatures = { keys: [keyFile], trustedRoot: world.trustedRoot };
    const pull = () =>
      pullToStore(parseReference(`${registry.host}/mixed:all`), {
        env: ENV,
        root: join(tempDir(), 'store'),
        allPlatforms: true,
        signatures,
      });
    await failureOf(pull(), 'SIGNATURE_MISSING');
    await attachSigned('mixed', artifact);
    assert.is((await pull()).manifestDigest, image.digest);
  });

  test('an image without a signature is refused, and so is one whose registry does not answer', async () => {
    const { reference } = push('unsigned');
    assert.is(await refusal(reference, { keys: [keyFile] }), 'SIGNATURE_MISSING');
  });
} else {
  test('skipped: needs docker-registry and skopeo', () => console.log('skipped: needs docker-registry and skopeo'));
}

test.run();

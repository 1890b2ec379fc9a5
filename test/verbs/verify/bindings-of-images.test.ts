import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatErrorDetails } from '../../../src/cli/show/format-error.ts';
import { TsimgError } from '../../../src/errors.ts';
import type { Source } from '../../../src/image/source.ts';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import { checkSigstore } from '../../../src/verbs/verify/check-signed.ts';
import { openVerification } from '../../../src/verbs/verify/verification.ts';
import { verifyImage } from '../../../src/verbs/verify/verify-image.ts';
import { bindingOf } from '../../../src/verify/refuse.ts';
import { failureOf } from '../../support/failure-of.ts';
import type { Blob } from '../../support/registry/push.ts';
import { BUNDLE_TYPE, BY_IDENTITY, cosignLayer, PAYLOAD_TYPE } from '../../support/signed/signed-image.ts';
import { ecKeys, makeSignerWorld, publicPem, statement } from '../../support/signed/signer.ts';
import { DIGEST, OTHER } from '../../support/signed/verdict.ts';

// What is attached to an image, good and bad, in a source in memory. The table of docs/verify.md names these tests.

const test = suite('verbs/verify/bindings-of-images');

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = `sha256:${'3'.repeat(64)}` as Digest;

const world = await makeSignerWorld();
const signer = await world.certified();

type Layer = Pick<Blob, 'bytes' | 'annotations'>;

/** A registry in memory. It answers what it was told, and counts what is asked of it. */
function memory() {
  const blobs = new Map<Digest, Buffer>();
  const tags = new Map<string, Descriptor>();
  const referring = new Map<Digest, Descriptor[]>();
  let opened = 0;
  const put = (mediaType: string, bytes: Buffer, size = bytes.length): Descriptor => {
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest;
    blobs.set(digest, bytes);
    return { mediaType, digest, size };
  };
  const manifest = (type: string, layers: readonly Layer[], fields: object = {}): Descriptor => {
    const descriptors = layers.map(({ bytes, annotations = {} }) => ({ ...put(type, bytes), annotations }));
    const config = put('application/vnd.oci.empty.v1+json', Buffer.from('{}'));
    const document = { schemaVersion: 2, mediaType: MANIFEST, config, layers: descriptors, ...fields };
    return put(MANIFEST, Buffer.from(JSON.stringify(document)));
  };
  const source: Source = {
    label: 'memory',
    resolve: async () => undefined,
    async open({ digest }) {
      opened += 1;
      const bytes = blobs.get(digest);
      if (bytes === undefined) throw new TsimgError('BLOB_NOT_FOUND', 'no such blob', { where: digest });
      return Readable.from([bytes]);
    },
    referrers: async (subject) => referring.get(subject) ?? [],
    attached: async (tag) => tags.get(tag),
    close: async () => undefined,
  };
  return {
    source,
    opened: () => opened,
    put,
    manifest,
    tag: (subject: Digest, layers: readonly Layer[]) =>
      tags.set(`${subject.replace(':', '-')}.sig`, manifest(PAYLOAD_TYPE, layers)),
    refer: (subject: Digest, ...descriptors: readonly Descriptor[]) =>
      referring.set(subject, [...(referring.get(subject) ?? []), ...descriptors]),
    referBundle(subject: Digest, bytes: Buffer, about: Digest = subject) {
      const fields = { artifactType: BUNDLE_TYPE, subject: { mediaType: MANIFEST, digest: about, size: 1 } };
      this.refer(subject, manifest(BUNDLE_TYPE, [{ bytes }], fields));
    },
  };
}

const signed = (digest: Digest) => cosignLayer(world, signer, digest);

async function verify(source: Source, digests: readonly Digest[], all = false) {
  const verification = await openVerification({ ...BY_IDENTITY, trustedRoot: world.trustedRoot, all }, {});
  return verifyImage({ source, label: 'registry.example/app', digests }, verification, {});
}

async function refusal(source: Source, digests: readonly Digest[]): Promise<string> {
  const error = await failureOf(verify(source, digests));
  return bindingOf(error) ?? error.code;
}

test('one good signature among bad ones is good', async () => {
  const place = memory();
  place.referBundle(DIGEST, Buffer.from('no JSON'));
  place.referBundle(DIGEST, await world.bundle(signer, statement(OTHER)));
  place.tag(DIGEST, [await signed(OTHER), { bytes: Buffer.from('{}'), annotations: {} }, await signed(DIGEST)]);
  const [good, ...more] = await verify(place.source, [DIGEST]);
  assert.is(good?.form, 'cosign-tag');
  assert.is(more.length, 0);
});

test('bundles do not hide tags, and all good ones are told where all are asked for', async () => {
  const place = memory();
  place.referBundle(DIGEST, await world.bundle(signer, statement(DIGEST)));
  place.tag(DIGEST, [await signed(DIGEST)]);
  const forms = (await verify(place.source, [DIGEST], true)).map(({ form }) => form);
  assert.equal(forms, ['bundle', 'cosign-tag']);
});

test('index and platform: a signature of either is good and says which; that of another index is refused', async () => {
  for (const subject of [INDEX, DIGEST]) {
    const place = memory();
    place.tag(subject, [await signed(subject)]);
    const [good] = await verify(place.source, [INDEX, DIGEST]);
    assert.is(good?.digest, subject);
  }
  const place = memory();
  place.tag(INDEX, [await signed(OTHER)]);
  assert.is(await refusal(place.source, [INDEX, DIGEST]), 'payload-digest');
  const bundled = memory();
  bundled.referBundle(INDEX, await world.bundle(signer, statement(OTHER)));
  assert.is(await refusal(bundled.source, [INDEX, DIGEST]), 'subject');
  const index = memory();
  index.tag(INDEX, [await signed(INDEX)]);
  assert.is(await refusal(index.source, [DIGEST]), 'SIGNATURE_MISSING', 'an index that was not asked for');
});

test('docker-reference: a policy demands the name that was signed', async () => {
  const keys = ecKeys();
  const place = memory();
  place.tag(DIGEST, [await cosignLayer(world, world.keySigner(keys), DIGEST)]);
  const keyData = Buffer.from(publicPem(keys.publicKey)).toString('base64');
  const ask = (name: string) =>
    checkSigstore(
      {
        source: place.source,
        label: name,
        digests: [DIGEST],
        subject: { transport: 'docker', reference: parseReference(name) },
      },
      { type: 'sigstoreSigned', keyData, signedIdentity: { type: 'matchRepository' } },
      {},
    );
  await ask('registry.example/app:1');
  assert.is(bindingOf(await failureOf(ask('registry.example/other:1'))), 'docker-reference');
});

test('subject: what the manifest says it refers to counts, not the list', async () => {
  const place = memory();
  place.referBundle(DIGEST, await world.bundle(signer, statement(DIGEST)), OTHER);
  assert.is(await refusal(place.source, [DIGEST]), 'SIGNATURE_MISSING');
});

test('limit: no more manifests and signatures are looked at than a thousand', async () => {
  const place = memory();
  const odd = (index: number) =>
    place.manifest('application/x', [], { artifactType: 'application/x', annotations: { index: String(index) } });
  place.refer(DIGEST, ...Array.from({ length: 1200 }, (_, index) => odd(index)));
  place.tag(DIGEST, [await signed(DIGEST)]);
  assert.is(await refusal(place.source, [DIGEST]), 'limit');
  assert.is(place.opened(), 1000);
  const layers = memory();
  layers.tag(DIGEST, Array<Layer>(1200).fill({ bytes: Buffer.from('{}') }));
  const failure = await failureOf(verify(layers.source, [DIGEST]));
  assert.is((failure.facts.candidates as readonly string[]).length, 1001);
  assert.match(String((failure.facts.candidates as readonly string[]).at(-1)), /^limit: /);
});

test('limit: a signature of more than 16 MiB is refused before it is read', async () => {
  const place = memory();
  const bytes = Buffer.from('{}');
  const large = { ...place.put(PAYLOAD_TYPE, bytes), size: 17 * 1024 * 1024 };
  const manifest = place.manifest(PAYLOAD_TYPE, [], {
    layers: [large],
    artifactType: 'application/vnd.dev.cosign.artifact.sig.v1+json',
    subject: { mediaType: MANIFEST, digest: DIGEST, size: 1 },
  });
  place.refer(DIGEST, manifest);
  assert.is(await refusal(place.source, [DIGEST]), 'limit');
  assert.is(place.opened(), 1, 'only the manifest was read');
});

test('a registry that fails is that failure, and not an image without a signature', async () => {
  const failing = async () => {
    throw new TsimgError('REGISTRY_UNREACHABLE', 'the registry does not answer');
  };
  const place = memory();
  place.tag(DIGEST, [await signed(DIGEST)]);
  for (const broken of [{ referrers: failing }, { attached: failing }, { open: failing }]) {
    const error = await failureOf(verify({ ...place.source, ...broken }, [DIGEST]));
    assert.is(error.code, 'REGISTRY_UNREACHABLE', Object.keys(broken).join());
  }
});

test('--debug lists each candidate with its own reason', async () => {
  const place = memory();
  place.referBundle(DIGEST, Buffer.from('no JSON'));
  place.tag(DIGEST, [await signed(OTHER)]);
  const text = formatErrorDetails(await failureOf(verify(place.source, [DIGEST])));
  assert.match(text, /^- .*format: /m);
  assert.match(text, /^- .*payload-digest: signed for /m);
});

test('notation’s signatures are told to be unread', async () => {
  const place = memory();
  const fields = {
    artifactType: 'application/vnd.cncf.notary.signature',
    subject: { mediaType: MANIFEST, digest: DIGEST, size: 1 },
  };
  place.refer(DIGEST, place.manifest('application/jose+json', [{ bytes: Buffer.from('{}') }], fields));
  const error = await failureOf(verify(place.source, [DIGEST]));
  assert.match(error.message, /notation’s signatures are not read/);
});

test.run();

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { makeImage } from '../support/image.ts';
import { named, writeLayout } from '../support/layout.ts';
import { type Pushed, pushDocument } from '../support/push.ts';
import { attachLayers, cosignLayer } from '../support/signed-image.ts';
import { ecKeys, makeSignerWorld, publicPem } from '../support/signer.ts';
import { tempDir } from '../support/temp-dir.ts';
import { haveTools } from '../support/tools.ts';
import { tsimg } from '../support/tsimg.ts';

// Images for two platforms in one index, of which the index or one image is signed.

const test = suite('cli/verify-platform');
const INDEX = 'application/vnd.oci.image.index.v1+json';
const ARCHITECTURES = ['amd64', 'arm64'] as const;

if (haveTools('docker-registry', 'skopeo')) {
  const registry = await startDockerRegistry();
  const world = await makeSignerWorld();
  const keys = ecKeys();
  const folder = tempDir(0o755);
  const key = join(folder, 'cosign.pub');
  writeFileSync(key, publicPem(keys.publicKey));
  test.after(async () => {
    await registry[Symbol.asyncDispose]();
  });

  const push = async (name: string) => {
    const manifests = ARCHITECTURES.map((architecture) => {
      const platform = { os: 'linux', architecture };
      const made = makeImage({ layers: [Buffer.alloc(1024)], gzip: true, platform });
      const layout = writeLayout(join(tempDir(), 'layout'), [named(made.descriptor, 'latest')], made.blobs);
      registry.fill(`oci:${layout}:latest`, `${name}:${architecture}`);
      const { mediaType, digest, size } = made.descriptor;
      return { mediaType, digest, size, platform };
    });
    const document = { schemaVersion: 2, mediaType: INDEX, manifests };
    const index = await pushDocument(registry.host, name, INDEX, document, 'both');
    return { reference: `${registry.host}/${name}:both`, index, manifests };
  };
  const signIt = async (name: string, image: Pushed) =>
    attachLayers(registry.host, name, image, await cosignLayer(world, world.keySigner(keys), image.digest, name));
  /** The status and the digest that was signed, of `verify` and of `pull`. */
  const demand = (verb: 'verify' | 'pull', reference: string, ...more: readonly string[]) => {
    const args = [verb, '--key', key, '--trusted-root', world.trustedRoot, '--json', ...more, reference];
    const { status, stdout, stderr } = tsimg(args, { env: { TSIMG_ROOT: join(tempDir(), 'store') } });
    const found: unknown = status === 0 && verb === 'verify' ? JSON.parse(stdout) : undefined;
    const [good] = Array.isArray(found) ? found : [];
    return {
      status,
      good,
      told: stderr,
      binding: status === 0 ? undefined : JSON.parse(stderr.trim().split('\n').at(-1) ?? '').error.code,
    };
  };

  test('a signature of the index counts for each of its images', async () => {
    const { reference, index } = await push('index-signed');
    await signIt('index-signed', index);
    for (const platform of ['linux/amd64', 'linux/arm64']) {
      const { status, good } = demand('verify', reference, '--platform', platform);
      assert.is(status, 0, platform);
      assert.is(good.digest, index.digest, 'it says which digest was signed');
      const pulled = demand('pull', reference, '--platform', platform);
      assert.is(pulled.status, 0);
      assert.ok(pulled.told.includes(`${index.digest}: signed by key sha256:`), pulled.told);
    }
    const { good } = demand('verify', reference);
    assert.equal(Object.keys(good).toSorted(), [
      'digest',
      'dockerReference',
      'form',
      'key',
      'logIndex',
      'place',
      'time',
    ]);
  });

  test('a signature of one image counts for that platform alone', async () => {
    const { reference, manifests } = await push('image-signed');
    const [, arm] = manifests;
    if (arm === undefined) throw new Error('there is no second image');
    await signIt('image-signed', arm);
    assert.is(demand('verify', reference, '--platform', 'linux/arm64').good.digest, arm.digest);
    assert.is(demand('pull', reference, '--platform', 'linux/arm64').status, 0);
    for (const verb of ['verify', 'pull'] as const) {
      const { status, binding } = demand(verb, reference, '--platform', 'linux/amd64');
      assert.is(status, 5, verb);
      assert.is(binding, 'SIGNATURE_MISSING', verb);
    }
    assert.is(demand('verify', reference).status, 5, 'the index itself is not signed');
  });
} else {
  test('skipped: needs docker-registry and skopeo', () => console.log('skipped: needs docker-registry and skopeo'));
}

test.run();

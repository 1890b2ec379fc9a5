import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { tsimg } from '../../support/command/tsimg.ts';
import { makeBusyboxRootfs } from '../../support/container/busybox-rootfs.ts';
import { makeImage } from '../../support/image/image.ts';
import { named, writeLayout } from '../../support/image/layout.ts';
import { type DockerRegistry, startDockerRegistry } from '../../support/registry/docker-registry.ts';
import { type Pushed, pushDocument } from '../../support/registry/push.ts';
import { attachLayers, cosignLayer } from '../../support/signed/signed-image.ts';
import { ecKeys, makeSignerWorld, publicPem } from '../../support/signed/signer.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveTools } from '../../support/tools.ts';

// Images for two platforms in one index, of which the index or one image is signed.

const test = suite('cli/verify/verify-platform');
const INDEX = 'application/vnd.oci.image.index.v1+json';
/** This machine's architecture, and one that it is not. */
const [OWN, FOREIGN] = process.arch === 'arm64' ? (['arm64', 'amd64'] as const) : (['amd64', 'arm64'] as const);

if (haveTools('docker-registry', 'skopeo', 'busybox')) {
  const registry = await startDockerRegistry();
  const world = await makeSignerWorld();
  const keys = ecKeys();
  const folder = tempDir(0o755);
  const key = join(folder, 'cosign.pub');
  writeFileSync(key, publicPem(keys.publicKey));
  test.after(async () => {
    await registry[Symbol.asyncDispose]();
  });
  const rootfs = makeBusyboxRootfs(tempDir());
  const layer = spawnSync('tar', ['-C', rootfs, '--owner=0', '--group=0', '-c', '.'], {
    maxBuffer: 64 * 1024 * 1024,
  }).stdout;

  /** An image for each of the two platforms. */
  const MADE = [OWN, FOREIGN].map((architecture) => {
    const platform = { os: 'linux', architecture };
    const made = makeImage({ layers: [layer], gzip: true, platform });
    const layout = writeLayout(join(tempDir(), 'layout'), [named(made.descriptor, 'latest')], made.blobs);
    return { architecture, platform, made, layout };
  });

  /** Both images, in an index at the tag `both`. */
  const push = async (name: string, to: DockerRegistry = registry) => {
    const one = (wanted: string) => {
      const found = MADE.find(({ architecture }) => architecture === wanted);
      if (found === undefined) throw new Error(`no image for ${wanted}`);
      const { architecture, platform, made, layout } = found;
      to.fill(`oci:${layout}:latest`, `${name}:${architecture}`);
      const { mediaType, digest, size } = made.descriptor;
      return { mediaType, digest, size, platform };
    };
    const [own, other] = [one(OWN), one(FOREIGN)];
    const document = { schemaVersion: 2, mediaType: INDEX, manifests: [other, own] };
    const index = await pushDocument(to.host, name, INDEX, document, 'both');
    return { reference: `${to.host}/${name}:both`, index, own, other };
  };
  const sign = async (name: string, image: Pushed, to: DockerRegistry = registry) =>
    attachLayers(to.host, name, image, await cosignLayer(world, world.keySigner(keys), image.digest, name));

  /** Asks for an image that is signed by the key. */
  const call = (root: string, verb: string, words: readonly string[]) =>
    tsimg([verb, '--key', key, '--trusted-root', world.trustedRoot, '--json', ...words], {
      env: { TSIMG_ROOT: root },
    });
  /** The verbs that use an image, by what each does with one in a store of its own. */
  const USES = {
    pull: (reference: string, more: readonly string[], root: string) => {
      const result = call(root, 'pull', [...more, reference]);
      return { ...result, isDone: tsimg(['images', '-q'], { env: { TSIMG_ROOT: root } }).stdout !== '' };
    },
    unpack: (reference: string, more: readonly string[], root: string) => {
      const destination = join(tempDir(), 'destination');
      const result = call(root, 'unpack', [...more, `docker://${reference}`, destination]);
      return { ...result, isDone: existsSync(join(destination, 'bin', 'busybox')) };
    },
    run: (reference: string, more: readonly string[], root: string) => {
      const result = call(root, 'run', ['--rm', '--network', 'none', ...more, reference, 'echo', 'it runs']);
      return { ...result, isDone: result.stdout === 'it runs\n' };
    },
  } as const;
  type Use = keyof typeof USES;
  const ALL = ['pull', 'unpack', 'run'] as const;

  /** The image is used, and stderr says which digest was signed. */
  const accepted = (use: Use, reference: string, signed: Pushed, more: readonly string[] = []) => {
    const { status, stderr, isDone } = USES[use](reference, more, join(tempDir(), 'store'));
    assert.is(status, 0, `${use}: ${stderr}`);
    assert.ok(isDone, use);
    const told = stderr.split('\n').filter((line) => line.includes('signed by'));
    assert.ok(told.length > 0, stderr);
    for (const line of told) assert.ok(line.startsWith(`${signed.digest}: signed by key sha256:`), stderr);
  };
  const refused = (use: Use, reference: string, code: string, more: readonly string[] = []) => {
    const { status, stderr, isDone } = USES[use](reference, more, join(tempDir(), 'store'));
    assert.is(status, use === 'run' ? 125 : 5, `${use}: ${stderr}`);
    const { error } = JSON.parse(stderr.trim().split('\n').at(-1) ?? '');
    assert.is(error.code, code, use);
    assert.not.ok(isDone, use);
    return error;
  };
  const verify = (reference: string, ...more: readonly string[]) => {
    const { status, stdout } = call(join(tempDir(), 'store'), 'verify', [...more, reference]);
    return { status, good: status === 0 ? JSON.parse(stdout)[0] : undefined };
  };

  test('a signature of the index counts for each of its images', async () => {
    const { reference, index } = await push('index-signed');
    await sign('index-signed', index);
    for (const platform of [OWN, FOREIGN]) {
      const more = ['--platform', `linux/${platform}`];
      const { status, good } = verify(reference, ...more);
      assert.is(status, 0, platform);
      assert.is(good.digest, index.digest, 'it says which digest was signed');
      accepted('pull', reference, index, more);
      accepted('unpack', reference, index, more);
    }
    accepted('run', reference, index);
    accepted('run', `docker://${reference}`, index);
    const { good } = verify(reference);
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
    const { reference, own, other } = await push('image-signed');
    await sign('image-signed', own);
    assert.is(verify(reference, '--platform', `linux/${OWN}`).good.digest, own.digest);
    for (const use of ALL) accepted(use, reference, own);
    const more = ['--platform', `linux/${FOREIGN}`];
    assert.is(verify(reference, ...more).status, 5);
    for (const use of ALL) refused(use, reference, 'SIGNATURE_MISSING', more);
    assert.is(verify(reference).status, 5, 'the index itself is not signed');

    const opposite = await push('other-image-signed');
    await sign('other-image-signed', other);
    for (const use of ALL) refused(use, opposite.reference, 'SIGNATURE_MISSING');
    refused('run', `docker://${opposite.reference}`, 'SIGNATURE_MISSING');
  });

  test('a signature of another platform’s image is refused where it is attached to this one, or to the index', async () => {
    for (const name of ['moved-to-image', 'moved-to-index']) {
      const { reference, index, own, other } = await push(name);
      const layer = await cosignLayer(world, world.keySigner(keys), other.digest, name);
      await attachLayers(registry.host, name, name === 'moved-to-image' ? own : index, layer);
      for (const use of ALL) {
        const { facts } = refused(use, reference, 'SIGNATURE_INVALID');
        assert.is(facts.binding, 'payload-digest', use);
      }
    }
  });

  test('an image of the store is used by the signature that was pulled with it, of the index or its own', async () => {
    for (const which of ['index', 'own'] as const) {
      const to = await startDockerRegistry();
      const pushed = await push('stored', to);
      await sign('stored', pushed[which], to);
      const root = join(tempDir(), 'store');
      const pulled = USES.pull(pushed.reference, [], root);
      assert.is(pulled.status, 0, pulled.stderr);
      await to[Symbol.asyncDispose]();
      const ran = USES.run(pushed.reference, ['--pull', 'never'], root);
      assert.ok(ran.isDone, ran.stderr);
      assert.ok(ran.stderr.includes(`${pushed[which].digest}: signed by key sha256:`), ran.stderr);
      const destination = join(tempDir(), 'destination');
      const unpacked = call(root, 'unpack', [pushed.reference, destination]);
      assert.is(unpacked.status, 0, unpacked.stderr);
      assert.ok(unpacked.stderr.includes(`${pushed[which].digest}: signed by key sha256:`), unpacked.stderr);
    }
  });
  test('an image of the store is not that of an index that does not list it, whatever the store says', async () => {
    const { reference, index } = await push('listed');
    await sign('listed', index);
    const root = join(tempDir(), 'store');
    assert.is(USES.pull(reference, [], root).status, 0);
    const made = makeImage({
      layers: [layer, Buffer.alloc(1024)],
      gzip: true,
      platform: { os: 'linux', architecture: OWN },
    });
    const layout = writeLayout(join(tempDir(), 'layout'), [named(made.descriptor, 'latest')], made.blobs);
    registry.fill(`oci:${layout}:latest`, 'unlisted:1');
    const unlisted = `${registry.host}/unlisted:1`;
    assert.is(tsimg(['pull', unlisted], { env: { TSIMG_ROOT: root } }).status, 0);
    const path = join(root, 'index.json');
    const names = JSON.parse(readFileSync(path, 'utf8'));
    names.manifests = names.manifests.filter(({ digest }: Pushed) => digest === made.descriptor.digest);
    names.manifests[0].annotations['io.tsimg.image.chosen-from'] = index.digest;
    writeFileSync(path, JSON.stringify(names));
    const { status, stdout, stderr } = USES.run(unlisted, [], root);
    assert.equal([status, stdout], [125, '']);
    assert.match(stderr, /SIGNATURE_MISSING/);
  });
} else {
  test('skipped: needs docker-registry, skopeo and busybox', () =>
    console.log('skipped: needs docker-registry, skopeo and busybox'));
}

test.run();

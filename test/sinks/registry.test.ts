import { spawnSync } from 'node:child_process';
import { Readable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { copyImage } from '../../src/image/copy.ts';
import { loadImage } from '../../src/image/load.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { MEDIA_TYPE } from '../../src/oci/media-type.ts';
import { parsePlatform } from '../../src/oci/platform.ts';
import { parseReference } from '../../src/oci/reference.ts';
import { openRegistryClient } from '../../src/registry/client.ts';
import { openRegistrySink } from '../../src/sinks/registry.ts';
import { openRegistrySource } from '../../src/sources/registry.ts';
import { failureOf } from '../support/failure-of.ts';
import { describe, makeImage, memorySource } from '../support/image/image.ts';
import { startDockerRegistry } from '../support/registry/docker-registry.ts';
import { tempDir } from '../support/temp-dir.ts';
import { haveTools } from '../support/tools.ts';

// Images that are pushed to Debian's docker-registry, and what skopeo finds there.

const test = suite('sinks/registry');
const OPTIONS = { env: { HOME: '/nonexistent' }, requests: { retries: 1, retryDelay: 1 } };
const platform = parsePlatform('linux/amd64');

if (haveTools('docker-registry', 'skopeo')) {
  const registry = await startDockerRegistry();
  test.after(async () => registry[Symbol.asyncDispose]());
  const referenceTo = (name: string) => parseReference(`${registry.host}/${name}`);

  test('an image arrives byte for byte, and a second push sends nothing', async () => {
    const made = makeImage({ layers: [Buffer.alloc(5000, 'a'), Buffer.alloc(70_000, 'b')], gzip: true });
    const image = await loadImage(memorySource(made.descriptor, made.blobs), { platform });
    const push = async (name: string) => {
      const sink = openRegistrySink(referenceTo(name), OPTIONS);
      try {
        return await copyImage(image, sink, { names: [`${registry.host}/${name}`] });
      } finally {
        await sink.close();
      }
    };
    const first = await push('whole:1');
    assert.equal([first.blobs, first.reused], [3, 0]);
    const second = await push('whole:2');
    assert.equal([second.blobs, second.reused, second.bytes], [3, 3, 0]);
    for (const tag of ['1', '2']) {
      const out = tempDir();
      const from = `docker://${registry.host}/whole:${tag}`;
      const { status, stderr } = spawnSync(
        'skopeo',
        ['--insecure-policy', 'copy', '-q', '--src-tls-verify=false', from, `dir:${out}`],
        { timeout: 60_000 },
      );
      assert.is(status, 0, String(stderr));
      const source = openRegistrySource(referenceTo(`whole:${tag}`), OPTIONS);
      assert.is((await source.resolve())?.digest, made.descriptor.digest);
      await source.close();
    }
  });

  test('nothing has a name before all of it is there', async () => {
    const made = makeImage({ layers: [Buffer.alloc(5000, 'c')], gzip: true });
    const sink = openRegistrySink(referenceTo('partial:1'), OPTIONS);
    const bytes = made.blobs.get(made.descriptor.digest) ?? Buffer.alloc(0);
    // The registry demands the blobs first.
    const error = await failureOf(sink.write(made.descriptor, bytes), 'REGISTRY_ERROR');
    assert.match(error.why ?? '', /blob unknown to registry/);
    assert.not(await sink.has(made.descriptor));
    await sink.close();
  });

  test('referrers are listed at the tag of their subject, each beside the others', async () => {
    const made = makeImage({ layers: [Buffer.alloc(100, 'd')], gzip: true });
    const sink = openRegistrySink(referenceTo('subject:1'), OPTIONS);
    const image = await loadImage(memorySource(made.descriptor, made.blobs), { platform });
    await copyImage(image, sink, { names: ['1'] });
    const empty = Buffer.from('{}');
    const config = describe(MEDIA_TYPE.ociEmpty, empty);
    await sink.write(config, empty);
    const attach = async (artifactType: string, more: object = {}): Promise<Descriptor> => {
      const { mediaType, digest, size } = made.descriptor;
      const document = { schemaVersion: 2, mediaType: MEDIA_TYPE.ociManifest, config, layers: [config], ...more };
      const bytes = Buffer.from(JSON.stringify({ ...document, subject: { mediaType, digest, size }, artifactType }));
      const descriptor = describe(MEDIA_TYPE.ociManifest, bytes);
      await sink.write(descriptor, bytes);
      return descriptor;
    };
    const annotations = { 'org.opencontainers.image.created': '2026-01-01T00:00:00Z' };
    const one = await attach('application/example.one', { annotations });
    const two = await attach('application/example.two');
    await attach('application/example.two');
    // Another client has lost the list: attaching what is there adds it again.
    const list = openRegistryClient({ registry: registry.host, repository: 'subject' }, OPTIONS);
    const tag = made.descriptor.digest.replace(':', '-');
    const emptied = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests: [] }));
    await list.put({ descriptor: describe(MEDIA_TYPE.ociIndex, emptied), bytes: emptied }, tag);
    list.close();
    await sink.close();
    const later = openRegistrySink(referenceTo('subject:1'), OPTIONS);
    for (const referrer of [one, two]) {
      assert.ok(await later.has(referrer));
      await later.attach?.(made.descriptor.digest, referrer, undefined);
    }
    await later.close();
    const source = openRegistrySource(referenceTo('subject:1'), OPTIONS);
    const listed = (await source.referrers?.(made.descriptor.digest)) ?? [];
    await source.close();
    assert.equal(
      listed.map(({ digest, artifactType }) => [digest, artifactType]),
      [
        [one.digest, 'application/example.one'],
        [two.digest, 'application/example.two'],
      ],
    );
    assert.equal({ ...listed[0]?.annotations }, annotations);
  });

  test('a stream that can be read once is sent once', async () => {
    const bytes = Buffer.alloc(40_000, 'e');
    const sink = openRegistrySink(referenceTo('once:1'), OPTIONS);
    const descriptor = describe(MEDIA_TYPE.ociLayer, bytes);
    await sink.write(descriptor, Readable.from([bytes], { objectMode: false }));
    assert.ok(await sink.has(descriptor));
    await sink.close();
  });

  test('a foreign layer stays where its URLs say, and a name of another repository is refused', async () => {
    const sink = openRegistrySink(referenceTo('foreign:1'), OPTIONS);
    const foreign = describe('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', Buffer.from('absent'));
    assert.ok(await sink.has({ ...foreign, urls: ['https://example.com/layer'] }));
    assert.not(await sink.has(foreign));
    await failureOf(sink.publish(foreign, [`${registry.host}/other:1`]), 'USAGE');
    await sink.close();
  });
}

test.run();

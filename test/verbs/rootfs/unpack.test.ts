import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import workerThreads from 'node:worker_threads';
import { gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { digestOf } from '../../../src/crypto/digest.ts';
import type { TsimgEvent } from '../../../src/events.ts';
import type { Image, Layer } from '../../../src/image/image.ts';
import { parseImageConfig } from '../../../src/oci/config.ts';
import { parseManifest } from '../../../src/oci/manifest.ts';
import { verified } from '../../../src/streams/verified.ts';
import { unpackImage, unpackTar } from '../../../src/verbs/rootfs/unpack.ts';
import { failureOf } from '../../support/failure-of.ts';
import { file, tarOf, whiteout } from '../../support/image/tar.ts';
import { tempDir } from '../../support/temp-dir.ts';

const test = suite('verbs/rootfs/unpack');

const MEDIA_TYPE = 'application/vnd.oci.image.layer.v1.tar+gzip';

/** Makes a layer whose stream has the bytes of `blob` and is verified against `promised`. */
function layerOf(archive: Buffer, promised = gzipSync(archive), blob = promised): Layer {
  const descriptor = { mediaType: MEDIA_TYPE, digest: digestOf(promised), size: promised.length };
  const open = async () => Readable.from([blob]).compose(verified(descriptor, 'the layer'));
  return { descriptor, diffId: digestOf(archive), open: async () => Readable.from(await open()) };
}

function imageOf(...layers: readonly Layer[]): Image {
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    }),
  );
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf(config), size: config.length },
      layers: layers.map(({ descriptor }) => descriptor),
    }),
  );
  return {
    descriptor: { mediaType, digest: digestOf(manifest), size: manifest.length },
    manifest: parseManifest(manifest, mediaType, 'test'),
    config: parseImageConfig(config, 'test'),
    layers,
    raw: { manifest, config },
  };
}

const BASE = tarOf(file('etc/motd', 'hello'), file('etc/old', 'x'.repeat(100_000)));
const TOP = tarOf(whiteout('etc/old'), file('etc/new', 'new'));

test('an image is unpacked with as many threads as the caller says', async () => {
  const { Worker } = workerThreads;
  const counts: number[] = [];
  try {
    for (const threads of [0, 1]) {
      let count = 0;
      workerThreads.Worker = class extends Worker {
        constructor(...args: ConstructorParameters<typeof Worker>) {
          super(...args);
          count += 1;
        }
      };
      syncBuiltinESMExports();
      await unpackImage(imageOf(layerOf(BASE), layerOf(TOP)), join(tempDir(), 'to'), { threads });
      counts.push(count);
    }
  } finally {
    workerThreads.Worker = Worker;
    syncBuiltinESMExports();
  }
  assert.equal(counts, [0, 1]);
});

test('an image becomes its root filesystem, with progress events', async () => {
  const to = join(tempDir(), 'to');
  const events: TsimgEvent[] = [];
  const report = await unpackImage(imageOf(layerOf(BASE), layerOf(TOP)), to, {
    onEvent: (event) => events.push(event),
  });
  assert.equal(readdirSync(join(to, 'etc')).sort(), ['motd', 'new']);
  assert.equal([report.layers, report.names], [2, 3]);
  // Layers are read at the same time: only the order of the events of one layer is certain.
  for (const { diffId } of [layerOf(BASE), layerOf(TOP)]) {
    const own = events.filter((event) => 'diffId' in event && event.diffId === diffId).map(({ kind }) => kind);
    assert.equal([own[0], own.at(-1)], ['layer-started', 'layer-done']);
  }
  const last = events.filter((event) => event.kind === 'layer-progress').at(-1);
  assert.ok(last?.kind === 'layer-progress' && last.done === last.size && last.size === gzipSync(TOP).length);
});

test('a layer that does not have its diff ID is never published', async () => {
  const to = join(tempDir(), 'to');
  const wrong: Layer = { ...layerOf(TOP), diffId: digestOf(BASE) };
  const error = await failureOf(unpackImage(imageOf(layerOf(BASE), wrong), to), 'DIFF_ID_MISMATCH');
  assert.equal([error.facts.expected, error.facts.found], [digestOf(BASE), digestOf(TOP)]);
  assert.is(error.exitStatus, 5);
  assert.not(existsSync(to));
});

test('a blob that does not have its digest is never published', async () => {
  const here = tempDir();
  const promised = gzipSync(BASE);
  const other = gzipSync(tarOf(file('evil', 'x'.repeat(100_000))));
  const layer = layerOf(
    BASE,
    promised,
    Buffer.concat([other, Buffer.alloc(promised.length)]).subarray(0, promised.length),
  );
  const code = (await failureOf(unpackImage(imageOf(layer), join(here, 'to')))).code;
  assert.ok(['DIGEST_MISMATCH', 'COMPRESSION_INVALID', 'SIZE_MISMATCH'].includes(code), code);
  assert.equal(readdirSync(here), []);
});

test('bytes behind the compressed layer are counted, and refused with strict', async () => {
  const here = tempDir();
  const layer = layerOf(BASE, Buffer.concat([gzipSync(BASE), Buffer.from('trailing garbage')]));
  const report = await unpackImage(imageOf(layer), join(here, 'to'));
  assert.is(report.tolerated.get('trailing-bytes'), 1);
  await failureOf(unpackImage(imageOf(layer), join(here, 'strict'), { strict: true }), 'POLICY_VIOLATED');
});

test('a plain archive becomes a root filesystem, compressed or not', async () => {
  const here = tempDir();
  for (const [name, bytes] of [
    ['plain', BASE],
    ['gzip', gzipSync(BASE)],
  ] as const) {
    await unpackTar(Readable.from([bytes]), join(here, name));
    assert.is(readFileSync(join(here, name, 'etc/motd'), 'utf8'), 'hello');
  }
});

test('an archive that fails while it is read leaves nothing', async () => {
  const here = tempDir();
  const broken = new Readable({
    read() {
      this.push(BASE.subarray(0, 5000));
      this.destroy(new Error('the disk broke'));
    },
  });
  await unpackTar(broken, join(here, 'to')).then(
    () => assert.unreachable('it should have failed'),
    (error: unknown) => assert.match(String(error), 'the disk broke'),
  );
  assert.equal(readdirSync(here), []);
});

test.run();

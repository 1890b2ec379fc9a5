import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MEDIA_TYPE } from '../../../src/oci/media-type.ts';
import { parsePlatform } from '../../../src/oci/platform.ts';
import { configureImage } from '../../../src/verbs/author/config.ts';
import { openImage } from '../../../src/verbs/image/open-image.ts';
import { failureOf } from '../../support/failure-of.ts';
import { makeImage } from '../../support/image/image.ts';
import { named, writeLayout } from '../../support/image/layout.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveTools } from '../../support/tools.ts';

const test = suite('verbs/author/config');

const layers = [Buffer.alloc(2048), Buffer.alloc(4096)];
const platform = parsePlatform('linux/amd64');
const folder = tempDir();
const oci = makeImage({ layers, gzip: true, config: { config: { Cmd: ['a'], Healthcheck: { Test: ['NONE'] } } } });
const docker = makeImage({
  layers,
  gzip: true,
  layerType: MEDIA_TYPE.dockerLayerGzip,
  configType: MEDIA_TYPE.dockerConfig,
  manifest: { mediaType: MEDIA_TYPE.dockerManifest },
});
const dockerManifest = { ...docker.descriptor, mediaType: MEDIA_TYPE.dockerManifest };
const layout = writeLayout(
  join(folder, 'layout'),
  [named(oci.descriptor, 'oci'), named(dockerManifest, 'docker')],
  oci.blobs,
  docker.blobs,
);
const options = { root: join(folder, 'store'), platform };

async function withEpoch<T>(seconds: string | undefined, action: () => Promise<T>): Promise<T> {
  const before = process.env.SOURCE_DATE_EPOCH;
  if (seconds === undefined) delete process.env.SOURCE_DATE_EPOCH;
  else process.env.SOURCE_DATE_EPOCH = seconds;
  try {
    return await action();
  } finally {
    if (before === undefined) delete process.env.SOURCE_DATE_EPOCH;
    else process.env.SOURCE_DATE_EPOCH = before;
  }
}

test('config and manifest change, and the layers keep their digests', async () => {
  const edit = { env: ['A=1'], annotation: ['org.example=x'] };
  const made = await configureImage(`oci:${layout}:oci`, edit, { ...options, tags: ['new:1'], message: 'why' });
  assert.equal(made.names, ['docker.io/library/new:1']);
  await using opened = await openImage('new:1', options);
  const { image } = opened;
  assert.is(image.descriptor.digest, made.digest);
  assert.is(image.manifest.config.digest, made.id);
  assert.equal(
    image.layers.map(({ descriptor }) => descriptor.digest),
    [...oci.blobs.keys()].slice(0, 2),
  );
  assert.equal(image.config.diffIds, oci.diffIds);
  assert.equal(image.config.run.env, ['A=1']);
  assert.equal({ ...image.manifest.annotations }, { 'org.example': 'x' });
  const [step] = image.config.history.slice(-1);
  assert.equal([step?.emptyLayer, step?.comment, step?.createdBy], [true, 'why', 'tsimg config']);
});

test('fields of the config that tsimg does not know stay, until they are cleared', async () => {
  for (const [clear, expected] of [
    [[], { Test: ['NONE'] }],
    [['healthcheck'], undefined],
  ] as const) {
    await configureImage(`oci:${layout}:oci`, { clear }, { ...options, tags: ['health:1'] });
    await using opened = await openImage('health:1', options);
    const config: unknown = JSON.parse(Buffer.from(opened.image.raw.config).toString());
    assert.equal((config as { config: { Healthcheck?: unknown } }).config.Healthcheck, expected);
  }
});

test('options of a health check change what they name, and leave the rest as it is', async () => {
  let source = `oci:${layout}:oci`;
  for (const [edit, expected] of [
    [
      { health: { command: 'true', interval: '1m30s', retries: 2 } },
      { Test: ['CMD-SHELL', 'true'], Interval: 90e9, Retries: 2 },
    ],
    [{ health: { timeout: '5s' } }, { Test: ['CMD-SHELL', 'true'], Interval: 90e9, Timeout: 5e9, Retries: 2 }],
    [
      { clear: ['healthcheck'], health: { command: '["/check"]', startPeriod: '2s' } },
      { Test: ['CMD', '/check'], StartPeriod: 2e9 },
    ],
    // An instruction comes last.
    [
      { health: { retries: 9 }, changes: ['HEALTHCHECK --retries=3 CMD ["/own"]'] },
      { Test: ['CMD', '/own'], Retries: 3 },
    ],
    [{ health: { none: true } }, { Test: ['NONE'] }],
  ] as const) {
    await configureImage(source, edit, { ...options, tags: ['checked:1'] });
    source = 'checked:1';
    await using opened = await openImage(source, options);
    const config: unknown = JSON.parse(Buffer.from(opened.image.raw.config).toString());
    assert.equal((config as { config: { Healthcheck?: unknown } }).config.Healthcheck, expected);
  }
  const bare = await failureOf(configureImage(`oci:${layout}:docker`, { health: { retries: 2 } }, options), 'USAGE');
  assert.match(bare.hint ?? '', 'name one with --health-cmd');
  for (const health of [{ command: ' ' }, { interval: 'soon' }, { none: true, retries: 1 }]) {
    await failureOf(configureImage('nothing.example/no:1', { health }, options), 'USAGE');
  }
});

test('docker’s manifest stays docker’s, and becomes OCI’s with an annotation', async () => {
  for (const [annotation, type, configType, layerType] of [
    [[], MEDIA_TYPE.dockerManifest, MEDIA_TYPE.dockerConfig, MEDIA_TYPE.dockerLayerGzip],
    [['a=b'], MEDIA_TYPE.ociManifest, MEDIA_TYPE.ociConfig, MEDIA_TYPE.ociLayerGzip],
  ] as const) {
    await configureImage(`oci:${layout}:docker`, { cmd: '["x"]', annotation }, { ...options, tags: ['d:1'] });
    await using opened = await openImage('d:1', options);
    const { descriptor, manifest, layers: found } = opened.image;
    assert.equal([descriptor.mediaType, manifest.config.mediaType], [type, configType]);
    assert.equal(
      found.map((layer) => layer.descriptor.mediaType),
      [layerType, layerType],
    );
  }
});

test('SOURCE_DATE_EPOCH gives the same image whenever it is made', async () => {
  const make = () => configureImage(`oci:${layout}:oci`, { user: 'app' }, options);
  const [one, other] = [await withEpoch('86400', make), await withEpoch('86400', make)];
  assert.equal(one, other);
  await using opened = await openImage(one.id, options);
  assert.is(opened.image.config.created, '1970-01-02T00:00:00.000Z');
  assert.not.equal((await withEpoch(undefined, make)).id, one.id);
});

test('an option that makes no sense is told before the image is looked for', async () => {
  for (const edit of [{ stopSignal: 'SIGNONE' }, { annotation: ['x'] }, { env: ['x'] }]) {
    await failureOf(configureImage('nothing.example/no:1', edit, options), 'USAGE');
  }
  await failureOf(configureImage('a', {}, { ...options, tags: ['b'], output: 'oci:c' }), 'USAGE');
  await failureOf(configureImage('a', {}, { ...options, tags: [`b@${oci.descriptor.digest}`] }), 'REFERENCE_INVALID');
});

if (haveTools('skopeo')) {
  test('skopeo reads what was written', async () => {
    const to = `oci:${join(folder, 'written')}:1`;
    const edit = { entrypoint: '["/e"]', workdir: '/w', expose: ['80'], volume: ['/v'], label: ['l=1'] };
    await configureImage(`oci:${layout}:oci`, edit, { ...options, output: to, author: 'me' });
    const { stdout, stderr } = spawnSync('skopeo', ['inspect', '--config', to], { encoding: 'utf8' });
    assert.is(stderr, '');
    const { author, config, history } = JSON.parse(stdout);
    assert.equal(config, {
      ExposedPorts: { '80/tcp': {} },
      Entrypoint: ['/e'],
      Volumes: { '/v': {} },
      WorkingDir: '/w',
      Labels: { l: '1' },
    });
    assert.equal([author, history.at(-1).empty_layer], ['me', true]);
  });
}

test.run();

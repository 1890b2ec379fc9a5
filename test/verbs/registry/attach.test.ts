import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseArtifactFile, titleOf } from '../../../src/oci/artifact.ts';
import { MEDIA_TYPE } from '../../../src/oci/media-type.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import { type AttachOptions, attachFiles } from '../../../src/verbs/registry/attach.ts';
import { copySource } from '../../../src/verbs/registry/copy.ts';
import { readManifest } from '../../../src/verbs/registry/manifest.ts';
import { pushImage } from '../../../src/verbs/registry/push.ts';
import { listReferrersOf } from '../../../src/verbs/signatures/referrers.ts';
import { failureOf } from '../../support/failure-of.ts';
import { makeImage } from '../../support/image/image.ts';
import { named, writeLayout } from '../../support/image/layout.ts';
import { startDockerRegistry } from '../../support/registry/docker-registry.ts';
import { startFakeRegistry } from '../../support/registry/fake-registry.ts';
import { startUploadRegistry } from '../../support/registry/upload-registry.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveTools } from '../../support/tools.ts';

const test = suite('verbs/registry/attach');

const folder = tempDir();
const made = makeImage({ layers: [Buffer.alloc(2048)], gzip: true });
const layout = writeLayout(join(folder, 'layout'), [named(made.descriptor, '1')], made.blobs);
const options: AttachOptions = { root: join(folder, 'store'), env: { HOME: '/nonexistent' } };
mkdirSync(join(folder, 'sub'));
writeFileSync(join(folder, 'sbom.json'), '{"spdx":1}');
writeFileSync(join(folder, 'sub', 'note'), 'hello');
writeFileSync(join(folder, 'sub', 'empty'), '');
const FILES = ['sbom.json:application/spdx+json', './sub//note', 'sub/empty'];

/** Names of files are relative to the folder. */
async function inFolder<T>(action: () => Promise<T>): Promise<T> {
  const before = process.cwd();
  process.chdir(folder);
  try {
    return await action();
  } finally {
    process.chdir(before);
  }
}

async function withEpoch<T>(action: () => Promise<T>): Promise<T> {
  process.env.SOURCE_DATE_EPOCH = '86400';
  try {
    return await action();
  } finally {
    delete process.env.SOURCE_DATE_EPOCH;
  }
}

async function attachAndRead(host: string): Promise<void> {
  const image = `${host}/app:1`;
  await pushImage(`oci:${layout}:1`, parseReference(image), options);
  const attach = () =>
    attachFiles(parseReference(image), FILES.map(parseArtifactFile), {
      ...options,
      artifactType: 'application/vnd.example.docs',
      annotations: { 'org.example.note': 'x' },
    });
  const report = await inFolder(() => withEpoch(attach));
  assert.is(report.subject, made.descriptor.digest);
  assert.equal(
    report.files.map(({ title, mediaType, size }) => [title, mediaType, size]),
    [
      ['sbom.json', 'application/spdx+json', 10],
      ['sub/note', 'application/octet-stream', 5],
      ['sub/empty', 'application/octet-stream', 0],
    ],
  );
  // The same files again are the same artifact.
  assert.equal(await inFolder(() => withEpoch(attach)), report);
  const found = await listReferrersOf(image, options);
  assert.equal(
    found.map(({ type, digest, subject, created }) => [type, digest, subject, created]),
    [['application/vnd.example.docs', report.digest, made.descriptor.digest, '1970-01-02T00:00:00.000Z']],
  );
  const { bytes } = await readManifest(`docker://${host}/app@${report.digest}`, options);
  const document = JSON.parse(bytes.toString());
  assert.equal(document.config, {
    mediaType: 'application/vnd.oci.empty.v1+json',
    digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
    size: 2,
    data: 'e30=',
  });
  assert.is(document.artifactType, 'application/vnd.example.docs');
  assert.is(document.subject.digest, made.descriptor.digest);
  assert.is(document.annotations['org.example.note'], 'x');
  assert.is(document.layers[1].annotations['org.opencontainers.image.title'], 'sub/note');
  // Its files come back as blobs of a layout.
  const back = join(folder, `back-${host.replace(/.*:/, '')}`);
  await copySource(`docker://${host}/app@${report.digest}`, `oci:${back}`, { ...options, all: true });
  for (const [at, name] of ['sbom.json', 'sub/note', 'sub/empty'].entries()) {
    const blob = readFileSync(join(back, 'blobs', ...document.layers[at].digest.split(':')));
    assert.ok(blob.equals(readFileSync(join(folder, name))), name);
  }
}

test('files are attached to an image, listed among its referrers, and come back', async () => {
  await using registry = await startUploadRegistry();
  await attachAndRead(registry.host);
});

if (haveTools('docker-registry')) {
  test('with a registry that lists no referrers, too', async () => {
    await using registry = await startDockerRegistry();
    await attachAndRead(registry.host);
  });
}

test('copy takes what is attached to what is attached', async () => {
  await using registry = await startUploadRegistry();
  const [from, to] = [`${registry.host}/app`, `${registry.host}/copied`];
  await pushImage(`oci:${layout}:1`, parseReference(`${from}:1`), options);
  const attach = (name: string) =>
    inFolder(() => attachFiles(parseReference(name), [parseArtifactFile('sbom.json')], options));
  const sbom = await attach(`${from}:1`);
  const signature = await attach(`${from}@${sbom.digest}`);
  const path = `oci:${join(folder, 'nested')}:1`;
  for (const [source, sink] of [
    [`docker://${from}:1`, path],
    [path, `${to}:1`],
  ] as const) {
    assert.is((await copySource(source, sink, { ...options, referrers: true })).attached, 2);
  }
  const found = await listReferrersOf(`docker://${to}@${sbom.digest}`, options);
  assert.equal(
    found.map(({ digest }) => digest),
    [signature.digest],
  );
});

test('a mirror is not asked which image the tag stands for', async () => {
  await using registry = await startUploadRegistry();
  await using mirror = await startFakeRegistry();
  const to = parseReference(`${registry.host}/app:1`);
  await pushImage(`oci:${layout}:1`, to, options);
  // An older image.
  const old = makeImage({ layers: [Buffer.alloc(4096)] });
  const body = old.blobs.get(old.descriptor.digest) ?? Buffer.alloc(0);
  const headers = { 'content-type': MEDIA_TYPE.ociManifest, 'docker-content-digest': old.descriptor.digest };
  for (const method of ['GET', 'HEAD']) mirror.expect({ method, path: '/v2/app/manifests/1', headers, body });
  const registriesConf = join(folder, 'mirrored.conf');
  const mirrored = `[[registry.mirror]]\nlocation = "${mirror.host}"\n`;
  writeFileSync(registriesConf, `[[registry]]\nlocation = "${registry.host}"\n${mirrored}`);
  const told = { ...options, mirrors: { registriesConf } };
  assert.is((await readManifest(`docker://${registry.host}/app:1`, told)).descriptor.digest, old.descriptor.digest);
  const { subject } = await inFolder(() => attachFiles(to, [parseArtifactFile('sbom.json')], told));
  assert.is(subject, made.descriptor.digest);
});

test('an image that is not there gets nothing', async () => {
  await using registry = await startUploadRegistry();
  const run = attachFiles(parseReference(`${registry.host}/none:1`), [parseArtifactFile(join(layout, 'oci-layout'))], {
    ...options,
    anywhere: true,
  });
  await failureOf(run, 'IMAGE_NOT_FOUND');
  assert.is(registry.blobs.size, 0);
});

test('a file is named by its path, and its media type stands behind a colon', () => {
  for (const [text, path, mediaType] of [
    ['a.json:application/json', 'a.json', 'application/json'],
    ['a:b', 'a:b', undefined],
    ['C:/x', 'C:/x', undefined],
    ['dir/a:text/plain', 'dir/a', 'text/plain'],
    ['a', 'a', undefined],
    [':text/plain', ':text/plain', undefined],
  ] as const) {
    assert.equal(parseArtifactFile(text), { path, mediaType });
  }
});

test('a title leads nowhere outside', async () => {
  assert.equal(
    ['a', './a/./b', 'a//b', 'a/../b', '..a'].map((path) => titleOf(path, false)),
    ['a', 'a/b', 'a/b', 'b', '..a'],
  );
  for (const path of ['/etc/passwd', '../a', 'a/../../b', '..', '.', '']) {
    assert.is((await failureOf(Promise.resolve().then(() => titleOf(path, false)))).code, 'USAGE', path);
  }
  assert.is(titleOf('/etc/../a', true), '/a');
});

test('what cannot be attached is told before the registry is asked', async () => {
  const to = parseReference('localhost:1/nothing:1');
  symlinkSync('nowhere', join(folder, 'dangling'));
  const attach = (files: readonly string[], more: AttachOptions = {}) =>
    inFolder(() => failureOf(attachFiles(to, files.map(parseArtifactFile), { ...options, ...more })));
  for (const [files, more, code] of [
    [['missing'], {}, 'SOURCE_NOT_FOUND'],
    [['dangling'], {}, 'SOURCE_NOT_FOUND'],
    [['sub'], {}, 'USAGE'],
    [['sub/note', './sub/note'], {}, 'USAGE'],
    [[join(folder, 'sbom.json')], {}, 'USAGE'],
    [['sbom.json'], { artifactType: 'nonsense' }, 'USAGE'],
    [['sbom.json'], { mediaType: 'a/b; charset=x' }, 'USAGE'],
  ] as const) {
    assert.is((await attach(files, more)).code, code, JSON.stringify([files, more]));
  }
});

test.run();

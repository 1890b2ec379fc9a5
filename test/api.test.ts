import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as api from '../src/api.ts';
import { EXAMPLE_IMAGE, ROOT } from './support/checkout.ts';
import { canRunContainers } from './support/container/define-runs.ts';
import { tempDir } from './support/temp-dir.ts';
import { haveRoot, haveTools } from './support/tools.ts';

const test = suite('api');

test('the values that the library exports are these; a change is a change for users', () => {
  assert.equal(Object.keys(api).sort(), [
    'Container',
    'ERROR_CODES',
    'MEDIA_TYPE',
    'Network',
    'TsimgError',
    'appendLayers',
    'attachFiles',
    'chainIds',
    'checkStore',
    'choosePlatform',
    'configureImage',
    'copyImage',
    'copySource',
    'createNetwork',
    'createVolume',
    'decompressed',
    'deleteImage',
    'diagnoseHost',
    'digestOf',
    'dropBlobs',
    'exportRootfs',
    'foldImage',
    'formatFamiliar',
    'formatPlatform',
    'formatReference',
    'getContainer',
    'getLogin',
    'getNetwork',
    'imageHistory',
    'inspectImage',
    'inspectVolume',
    'isDigest',
    'listContainers',
    'listFiles',
    'listImages',
    'listNetworks',
    'listReferrersOf',
    'listTags',
    'listVolumes',
    'loadArchive',
    'loadImage',
    'login',
    'logout',
    'logoutAll',
    'openConnections',
    'openImage',
    'openOciLayoutSink',
    'openRegistrySink',
    'openRegistrySource',
    'openStoreSink',
    'openStoreSource',
    'packImage',
    'parseDigest',
    'parseImageConfig',
    'parseImageIndex',
    'parseManifest',
    'parsePlatform',
    'parseReference',
    'planPull',
    'processSignals',
    'pruneStore',
    'pruneVolumes',
    'pullImage',
    'pullToStore',
    'pushImage',
    'readImageFile',
    'readManifest',
    'readSbom',
    'readTar',
    'removeImages',
    'removeVolume',
    'runContainer',
    'runSource',
    'saveImages',
    'startContainer',
    'tagImage',
    'unpackImage',
    'unpackSource',
    'unpackTar',
    'updateTrust',
    'verified',
    'verifySource',
    'watchEvents',
  ]);
});

const reach = canRunContainers() && haveRoot() && haveTools('nft', 'ip') ? test : test.skip;
reach("the README's example is ten lines at most, runs a command, and reaches a server", async () => {
  const [, code = ''] = /```js\n([\s\S]*?)```/.exec(readFileSync(join(ROOT, 'README.md'), 'utf8')) ?? [];
  assert.ok(code.includes("from 'tsimg'"));
  assert.ok(code.trim().split('\n').length <= 10);
  const folder = tempDir();
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules', 'tsimg'));
  const root = join(folder, 'store');
  await api.copySource(EXAMPLE_IMAGE, 'store:busybox', { root });
  writeFileSync(join(folder, 'example.mjs'), code);
  const { status, stdout, stderr } = spawnSync(process.execPath, ['example.mjs'], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, TSIMG_ROOT: root },
  });
  assert.is(status, 0, stderr);
  assert.match(stdout, /^7 root:/);
  assert.match(stdout, /^guest:/m);
});

test.run();

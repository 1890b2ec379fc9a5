import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as api from '../src/api.ts';
import { EXAMPLE_IMAGE, ROOT } from './support/checkout.ts';
import { tempDir } from './support/temp-dir.ts';

const test = suite('api');

test('the values that the library exports are these; a change is a change for users', () => {
  assert.equal(Object.keys(api).sort(), [
    'ERROR_CODES',
    'MEDIA_TYPE',
    'TsimgError',
    'chainIds',
    'choosePlatform',
    'copyImage',
    'copySource',
    'decompressed',
    'deleteImage',
    'digestOf',
    'foldImage',
    'formatFamiliar',
    'formatPlatform',
    'formatReference',
    'getLogin',
    'inspectImage',
    'isDigest',
    'listFiles',
    'listTags',
    'loadImage',
    'login',
    'logout',
    'logoutAll',
    'openImage',
    'openOciLayoutSink',
    'openRegistrySink',
    'openRegistrySource',
    'openStoreSink',
    'openStoreSource',
    'parseDigest',
    'parseImageConfig',
    'parseImageIndex',
    'parseManifest',
    'parsePlatform',
    'parseReference',
    'processSignals',
    'pullImage',
    'pullToStore',
    'pushImage',
    'readManifest',
    'readTar',
    'runSource',
    'unpackImage',
    'unpackSource',
    'unpackTar',
    'verified',
  ]);
});

test("the README's example is ten lines at most, and lists an image's files", () => {
  const [, code = ''] = /```js\n([\s\S]*?)```/.exec(readFileSync(join(ROOT, 'README.md'), 'utf8')) ?? [];
  assert.ok(code.includes("from 'tsimg'"));
  assert.ok(code.trim().split('\n').length <= 10);
  const folder = tempDir();
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules', 'tsimg'));
  copyFileSync(EXAMPLE_IMAGE, join(folder, 'alpine.tar'));
  writeFileSync(join(folder, 'example.mjs'), code);
  const { status, stdout, stderr } = spawnSync(process.execPath, ['example.mjs'], { cwd: folder, encoding: 'utf8' });
  assert.is(status, 0, stderr);
  const lines = stdout.trim().split('\n');
  assert.ok(lines.includes('directory 1777 0:0 /tmp'));
  assert.ok(lines.includes('directory 755 1000:1000 /home/guest'));
  assert.ok(lines.includes('file 755 0:0 /bin/busybox'));
  assert.not(
    lines.some((line) => line.endsWith('/etc/motd')),
    'the layer above hides it',
  );
});

test.run();

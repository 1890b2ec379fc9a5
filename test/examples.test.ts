import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXAMPLE_IMAGE, ROOT } from './support/checkout.ts';
import { makeOrdinaryUser } from './support/host/ordinary-user.ts';
import { serverImage } from './support/image/debian-server.ts';
import { startDockerRegistry } from './support/registry/docker-registry.ts';
import { tempDir } from './support/temp-dir.ts';
import { haveTools } from './support/tools.ts';

// The programs of examples/, as they are written there.

const test = suite('examples');
const folder = join(ROOT, 'examples');
const compiled = (name: string) => join(ROOT, 'dist', 'examples', `${name}.js`);

type Ids = { readonly uid: number; readonly gid: number };

/** Calls the programs of examples/ in a folder of their own. */
function callerOf(home: string, ids: Ids | undefined, more: Readonly<Record<string, string>>) {
  const env = { PATH: process.env.PATH, HOME: home, TSIMG_ROOT: join(home, 'store'), SOURCE_DATE_EPOCH: '0', ...more };
  const call = (name: string, ...args: readonly string[]) =>
    spawnSync(process.execPath, ['--test-reporter=tap', compiled(name), ...args], {
      encoding: 'utf8',
      env,
      cwd: home,
      timeout: 60_000,
      ...ids,
    });
  const ok = (name: string, ...args: readonly string[]): string => {
    const { status, stdout, stderr } = call(name, ...args);
    assert.is(status, 0, `${name} ${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  return { call, ok };
}

test('each program has its line in the README', () => {
  const listed = [...readFileSync(join(folder, 'README.md'), 'utf8').matchAll(/^\| \[([\w.-]+\.ts)\]/gm)];
  const programs = readdirSync(folder).filter((file) => file.endsWith('.ts'));
  assert.equal(listed.map(([, name]) => name).sort(), programs.sort());
});

const user = makeOrdinaryUser();
const postgres = await serverImage('postgres');
for (const [who, ids] of [
  ['root', undefined],
  ['an ordinary user', user],
] as const) {
  if (who !== 'root' && ids === undefined) continue;
  const home = tempDir();
  if (ids !== undefined) chownSync(home, ids.uid, ids.gid);
  const { call, ok } = callerOf(home, ids, { POSTGRES_IMAGE: postgres ?? '' });

  test(`an image is looked into, by ${who}`, () => {
    assert.match(ok('list-files', EXAMPLE_IMAGE), /^file 755 0:0 \/bin\/busybox$/m);
    assert.match(ok('read-file', EXAMPLE_IMAGE, '/etc/passwd'), /^root:x:0:0/);
    const missing = call('read-file', EXAMPLE_IMAGE, '/nowhere');
    assert.is(missing.status, 3);
    assert.match(missing.stderr, 'no such file in the image');
    assert.is(ok('compare-images', EXAMPLE_IMAGE, EXAMPLE_IMAGE), '');
  });

  test(`a command runs in a container, by ${who}`, () => {
    const lines = ok('run-and-capture', EXAMPLE_IMAGE).trim().split('\n');
    assert.match(lines[0] ?? '', /^status 0, \d\d+ programs$/);
    assert.equal(lines.slice(1), ['12 bytes', 'it was killed after half a second']);
  });

  test(`commands that are not trusted run in a sandbox, by ${who}`, () => {
    assert.equal(ok('sandbox', EXAMPLE_IMAGE).trim().split('\n'), [
      'status 0: counted, 3 words',
      'files: count.sh result text.txt',
      'too much output: true',
      'a way out: false',
    ]);
  });

  if (postgres !== undefined) {
    test(`tests have a database of their own, by ${who}`, () => {
      const { status, stdout, stderr } = call('database.test');
      assert.is(status, 0, stdout + stderr);
      assert.match(stdout, /^# pass 2$/m);
    });
  }

  test(`an image is unpacked, or the place stays as it was, by ${who}`, () => {
    assert.match(ok('unpack-with-abort', EXAMPLE_IMAGE, './rootfs'), /^\d+ names in \.\/rootfs$/m);
    assert.ok(existsSync(join(home, 'rootfs', 'bin', 'busybox')));
    const stopped = call('unpack-with-abort', EXAMPLE_IMAGE, './other', '0');
    assert.is(stopped.status, 130, stopped.stderr);
    assert.not.ok(existsSync(join(home, 'other')));
  });

  if (!haveTools('docker-registry')) continue;
  test(`an image is made, pushed and pulled, by ${who}`, async () => {
    await using registry = await startDockerRegistry();
    const name = `${registry.host}/mine:1`;
    mkdirSync(join(home, 'tree'));
    writeFileSync(join(home, 'tree', 'new'), 'content');
    const pushed = ok('make-and-push', './tree', name);
    const [, digest = 'none'] = /is (sha256:\w+); the registry had 0 of its blobs/.exec(pushed) ?? [];
    assert.match(ok('pull-to-layout', name, './layout'), new RegExp(`^${name} is ${digest}, [1-9]\\d* bytes`));
    assert.is(ok('read-file', 'oci:layout', 'new'), 'content');
    assert.match(ok('compare-images', EXAMPLE_IMAGE, 'oci:layout'), /^D \/bin\/busybox$[\s\S]*^A \/new$/m);
  });
}

test.run();

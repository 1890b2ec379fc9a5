import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXAMPLE_IMAGE } from './support/checkout.ts';
import { compiledCode } from './support/command/compiled-code.ts';
import { BUILT, MAIN } from './support/command/tsimg.ts';
import { makeBusyboxRootfs } from './support/container/busybox-rootfs.ts';
import { makeImage } from './support/image/image.ts';
import { startFakeRegistry } from './support/registry/fake-registry.ts';
import { tempDir } from './support/temp-dir.ts';
import { haveRoot, haveTools } from './support/tools.ts';

// tsimg never makes Node warn: of deprecated functions, of descriptors, of listeners.

const test = suite('warnings');
const API = join(BUILT, '..', 'api.js');

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a Node program with all warnings, where a deprecation is an error; standard input is empty. */
function nodeOutcome(args: readonly string[], state: string): Promise<Outcome> {
  const env = { PATH: process.env.PATH, HOME: '/nonexistent', TSIMG_ROOT: state, ...compiledCode(undefined) };
  const options = ['--trace-warnings', '--throw-deprecation'];
  const child = spawn(process.execPath, [...options, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  return new Promise((resolve) => child.on('close', (status) => resolve({ status, stdout, stderr })));
}

/** Runs code in a worker thread, where Node keeps count of descriptors. @param code uses `api`, the library */
async function inWorker(code: string): Promise<Outcome> {
  const worker = `import(${JSON.stringify(API)}).then(async (api) => { ${code} })`;
  const program = `new (require('node:worker_threads').Worker)(${JSON.stringify(worker)}, { eval: true })`;
  return nodeOutcome(['-e', program], tempDir());
}

test('the library works in a worker thread without a warning', async () => {
  const image = JSON.stringify(EXAMPLE_IMAGE);
  const folder = tempDir();
  const outcome = await inWorker(`
    await api.unpackSource(${image}, ${JSON.stringify(join(folder, 'flat'))});
    await api.unpackSource(${image}, ${JSON.stringify(join(folder, 'flat'))}, { force: true });
    await api.unpackSource(${image}, ${JSON.stringify(join(folder, 'layers'))}, { output: 'layers' });
    const opened = await api.openImage(${image});
    let files = 0;
    for await (const _ of api.listFiles(opened.image)) files += 1;
    await opened.close();
    if (files === 0) throw new Error('no files');
    const failed = await api.unpackSource(${image}, ${JSON.stringify(folder)}).catch(({ code }) => code);
    console.log(failed);`);
  assert.equal(outcome, { status: 0, stdout: 'DESTINATION_EXISTS\n', stderr: '' });
  assert.ok(existsSync(join(folder, 'flat', 'bin')));
});

/** A rootfs, where containers can be started. */
const rootfs = haveTools('busybox') && haveRoot() ? makeBusyboxRootfs(tempDir(0o755)) : undefined;
const run = rootfs === undefined ? test.skip : test;

run('the library starts containers in a worker thread without a warning', async () => {
  const request = "{ command: ['/bin/sh', '-c', 'exit 1'], network: 'none' }";
  const code = `console.log(await api.runSource(${JSON.stringify(rootfs)}, ${request}, {}))`;
  assert.equal(await inWorker(code), { status: 0, stdout: '1\n', stderr: '' });
});

run('no verb makes Node warn', async () => {
  const state = tempDir();
  const folder = tempDir();
  const quiet: readonly (readonly string[])[] = [
    ['--help'],
    ['load', '-q', '-i', EXAMPLE_IMAGE],
    ['images'],
    ['unpack', '-q', EXAMPLE_IMAGE, join(folder, 'tree')],
    ['unpack', '-q', '--layers', EXAMPLE_IMAGE, join(folder, 'layers')],
    ['ls', EXAMPLE_IMAGE],
    ['inspect', EXAMPLE_IMAGE],
    ['history', EXAMPLE_IMAGE],
    ['export', EXAMPLE_IMAGE, '-o', join(folder, 'tree.tar')],
    ['run', '--rm', '--network', 'none', rootfs ?? '', '/bin/true'],
    ['run', '-d', '--name', 'one', '--network', 'none', rootfs ?? '', '/bin/sh', '-c', 'echo line; sleep 1000'],
    ['ps', '-a'],
    ['logs', 'one'],
    ['exec', 'one', '/bin/true'],
    ['cp', 'one:/bin/sh', join(folder, 'sh')],
    ['inspect', 'one'],
    ['stop', '-t', '0', 'one'],
    ['rm', 'one'],
    ['prune', '-f'],
  ];
  try {
    for (const args of quiet) {
      const { status, stderr } = await nodeOutcome(['--', MAIN, ...args], state);
      assert.not.match(stderr, /\(node:\d+\)|Warning/, args.join(' '));
      assert.is(status, 0, `${args.join(' ')}: ${stderr}`);
    }
  } finally {
    await nodeOutcome(['--', MAIN, 'rm', '-f', 'one'], state);
  }
});

test('many layers from a registry leave no listeners', async () => {
  const layers = Array.from({ length: 40 }, (_, index) => Buffer.alloc(10_240 + 1024 * index));
  const { descriptor, blobs } = makeImage({ layers, gzip: true });
  await using registry = await startFakeRegistry([{ path: '/v2/' }]);
  for (const [digest, body] of blobs) {
    registry.expect({ path: `/v2/many/blobs/${digest}`, body });
    if (digest !== descriptor.digest) continue;
    const headers = { 'content-type': descriptor.mediaType, 'docker-content-digest': digest };
    for (const method of ['GET', 'HEAD']) {
      for (const name of ['latest', digest])
        registry.expect({ method, path: `/v2/many/manifests/${name}`, headers, body });
    }
  }
  const source = `docker://${registry.host}/many`;
  for (const args of [
    ['unpack', '-q', '--tls-verify=false', source, join(tempDir(), 'tree')],
    ['pull', '-q', '--tls-verify=false', source],
  ]) {
    const { status, stderr } = await nodeOutcome(['--', MAIN, ...args], tempDir());
    assert.not.match(stderr, /\(node:\d+\)|Warning/, args.join(' '));
    assert.is(status, 0, stderr);
  }
});

test.run();

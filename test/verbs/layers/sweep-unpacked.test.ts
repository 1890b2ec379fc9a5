import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { acquireLock } from '../../../src/sys/file/lock.ts';
import { EXAMPLE_IMAGE } from '../../support/checkout.ts';
import { compiledCode } from '../../support/command/compiled-code.ts';
import { letRunBeside } from '../../support/command/resident-command.ts';
import { MAIN, tsimg } from '../../support/command/tsimg.ts';
import { defineRuns } from '../../support/container/define-runs.ts';
import { tempDir } from '../../support/temp-dir.ts';

// Leftovers of runs in the store, and when they are freed.

const asRoot = suite('verbs/layers/sweep-unpacked as root');
const asUser = suite('verbs/layers/sweep-unpacked as an ordinary user');

/** A command that waits for a line, then reads a file of the image and one of the container. */
const PATIENT =
  'mkdir -p /d/e; echo x > /d/e/f; chown -R 7:7 /d; chmod 700 /d; echo up; read -r _; cat /d/e/f; ls /bin/busybox';

defineRuns(asRoot, asUser, (test, { user }) => {
  const env = (store: string) => ({ PATH: process.env.PATH ?? '', TSIMG_ROOT: store, ...compiledCode(user) });

  /** Makes an empty store, and a copy of the image that the user can read. */
  function places() {
    const folder = tempDir(0o755);
    const image = join(folder, 'image.tar.gz');
    copyFileSync(EXAMPLE_IMAGE, image);
    chmodSync(image, 0o644);
    const store = join(folder, 'store');
    mkdirSync(store);
    if (user !== undefined) chownSync(store, user.uid, user.gid);
    const run = (...args: readonly string[]) => {
      const { status, stdout, stderr } = tsimg(args, { env: env(store), ...(user && { user }) });
      assert.is(status, 0, `${args.join(' ')}: ${stderr}`);
      return { stdout, stderr };
    };
    const prune = () => JSON.parse(run('prune', '-f', '--json').stdout).swept;
    const start = (source: string) =>
      spawn(process.execPath, [MAIN, 'run', '--rm', '-i', source, 'sh', '-c', PATIENT], {
        env: env(store),
        ...(user && { uid: user.uid, gid: user.gid }),
      });
    const layers = () =>
      readdirSync(join(store, 'layers')).flatMap((key) =>
        readdirSync(join(store, 'layers', key)).filter((name) => name !== 'lock'),
      );
    const containers = () => readdirSync(join(store, 'containers')).filter((name) => !name.startsWith('names'));
    return { store, image, run, prune, start, layers, containers };
  }

  async function up(child: ChildProcess): Promise<void> {
    const ended = once(child, 'exit').then(async () => assert.unreachable('it ended'));
    ended.catch(() => {});
    await Promise.race([once(child.stdout ?? child, 'data'), ended]);
    // It waits for a line
    letRunBeside(child);
    child.ref();
  }

  async function kill(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Lets the command go on to its end. */
  async function finish(child: ChildProcess): Promise<void> {
    const ended = once(child, 'exit');
    const { stdin, stdout } = child;
    if (stdin === null || stdout === null) throw new Error('its streams must be pipes');
    stdin.end('\n');
    const [out] = await Promise.all([text(stdout), ended]);
    assert.is(out, 'x\n/bin/busybox\n');
    assert.is(child.exitCode, 0);
  }

  test('leftovers of a killed tsimg are pruned with their layers; a running container keeps both', async () => {
    const { image, prune, start, layers, containers } = places();
    const doomed = start(image);
    try {
      await up(doomed);
      await kill(doomed);
      assert.is(containers().length, 1);
      const first = prune();
      assert.equal([first.containers, first.layers > 0, first.blobs], [1, true, 0]);
      assert.is(first.bytes > 100_000, true);
      assert.equal([containers(), layers()], [[], []]);
    } finally {
      await kill(doomed);
    }
    const living = start(image);
    try {
      await up(living);
      assert.equal(prune(), { blobs: 0, unfinished: 0, layers: 0, containers: 0, bytes: 0 });
      assert.is(layers().length > 0, true);
      await finish(living);
      assert.equal(containers(), []);
      assert.is(prune().layers > 0, true);
    } finally {
      await kill(living);
    }
  });

  test('the next run removes leftovers of a killed run, and nothing of a running container', async () => {
    const { image, run, start, containers } = places();
    const doomed = start(image);
    const living = start(image);
    try {
      await Promise.all([up(doomed), up(living)]);
      await kill(doomed);
      assert.is(containers().length, 2);
      assert.is(run('run', '--rm', '--network', 'none', image, 'echo', 'hi').stdout, 'hi\n');
      assert.is(containers().length, 1);
      await finish(living);
      assert.equal(containers(), []);
    } finally {
      await Promise.all([kill(doomed), kill(living)]);
    }
  });

  test('rmi --force removes the name of an image in use; its blobs and layers go with its container', async () => {
    const { image, run, prune, start, layers } = places();
    run('load', '-i', image);
    const living = start('tsimg/example');
    try {
      await up(living);
      assert.equal(prune(), { blobs: 0, unfinished: 0, layers: 0, containers: 0, bytes: 0 });
      const { swept, inUse } = JSON.parse(run('rmi', '--force', '--json', 'tsimg/example').stdout);
      assert.equal([swept.blobs, swept.layers, inUse], [0, 0, false]);
      await finish(living);
      assert.is(layers().length > 0, true);
      const freed = prune();
      assert.is(freed.layers > 0, true);
      assert.is(freed.blobs > 0, true);
      assert.equal(layers(), []);
    } finally {
      await kill(living);
    }
  });

  test('layers of an image of the store stay; rmi frees them with it', () => {
    const { image, run, prune, layers } = places();
    run('load', '-i', image);
    run('run', '--rm', '--network', 'none', 'tsimg/example', 'true');
    assert.is(prune().layers, 0);
    const count = layers().length;
    const { swept } = JSON.parse(run('rmi', '--json', 'tsimg/example').stdout);
    assert.equal([swept.layers, layers()], [count, []]);
  });

  test('leftovers of cut-short unpacking are removed, but not while a layer is unpacked', async () => {
    const { store, image, run, prune, layers } = places();
    run('run', '--rm', '--network', 'none', image, 'true');
    const [key = ''] = readdirSync(join(store, 'layers'));
    const staging = join(store, 'layers', key, '.tsimg-0123456789ab');
    mkdirSync(staging);
    writeFileSync(join(staging, 'body'), 'cut sho');
    // Unpacking by an ordinary user leaves files like this.
    if (user !== undefined) for (const path of [join(staging, 'body'), staging]) chownSync(path, user.uid, user.gid);
    const before = layers();
    const lock = await acquireLock(join(store, 'layers', key, 'lock'), 'exclusive');
    assert.is(prune().bytes, 0);
    assert.equal(layers(), before);
    await lock.close();
    const making = await acquireLock(join(store, 'containers.lock'), 'shared');
    const { swept, inUse } = JSON.parse(run('prune', '-f', '--json').stdout);
    assert.equal([swept.layers, inUse, layers()], [0, true, before]);
    await making.close();
    assert.is(prune().layers, before.length - 1);
    assert.equal(layers(), []);
  });

  test('every container works to its end while others run and prune', async () => {
    const { store, image, containers } = places();
    const one = async (...args: readonly string[]) => {
      const child = spawn(process.execPath, [MAIN, ...args], {
        env: env(store),
        stdio: ['ignore', 'pipe', 'pipe'],
        ...(user && { uid: user.uid, gid: user.gid }),
      });
      const ended = once(child, 'exit');
      const [out, problems] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
      assert.is(child.exitCode, 0, `${args.join(' ')}: ${problems}`);
      return out;
    };
    const series = async (times: number, ...args: readonly string[]) => {
      const outs: string[] = [];
      for (let i = 0; i < times; i += 1) outs.push(await one(...args));
      return outs;
    };
    const command = ['run', '--rm', '--network', 'none', image, 'sh', '-c', 'echo x > /x; cat /x; ls /bin/busybox'];
    const [, ...runs] = await Promise.all([series(3, 'prune', '-f'), series(2, ...command), series(2, ...command)]);
    assert.equal(runs.flat(), Array(4).fill('x\n/bin/busybox\n'));
    assert.equal(containers(), []);
  });
});

asRoot.run();
asUser.run();

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parsePlatform, platformOfNodeArch } from '../../../src/oci/platform.ts';
import { compiledCode } from '../../support/command/compiled-code.ts';
import { MAIN, tsimg } from '../../support/command/tsimg.ts';
import { defineRuns } from '../../support/container/define-runs.ts';
import { makeImage } from '../../support/image/image.ts';
import { named, writeLayout } from '../../support/image/layout.ts';
import { dir, file, symlink, tarOf } from '../../support/image/tar.ts';
import { startServingRegistry } from '../../support/registry/serving-registry.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { findTool } from '../../support/tools.ts';

// Commands are killed at moments that are spread over their whole length. Afterwards the store is clean, the next
// command ends right, and a pull transfers only what is missing. And many commands at once: each blob is transferred
// once, and a prune takes nothing that others need.

const asRoot = suite('cli/store/killed as root');
const asUser = suite('cli/store/killed as an ordinary user');
/** How many commands are killed, of both users together; more by hand: TSIMG_KILLS=200. */
const KILLS = Number(process.env.TSIMG_KILLS ?? 20);
const PIECE = 16 * 1024;

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** An image that can be run, whose layers take a while to come. */
function runnable(text: string) {
  const busybox = readFileSync(findTool('busybox') ?? '/dev/null');
  return makeImage({
    platform: platformOfNodeArch(process.arch) ?? parsePlatform('linux/amd64'),
    layers: [
      tarOf(dir('bin'), file('bin/busybox', busybox, { mode: 0o755 }), symlink('bin/true', 'busybox')),
      tarOf(file('data', randomBytes(900_000))),
      tarOf(file('text', text)),
    ],
  });
}

defineRuns(asRoot, asUser, (test, { user }) => {
  const environment = { PATH: process.env.PATH, HOME: '/nonexistent', ...compiledCode(user) };
  const start = (root: string, ...args: readonly string[]): ChildProcess =>
    spawn(process.execPath, ['--', MAIN, ...args], {
      env: { ...environment, TSIMG_ROOT: root },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...user,
    });
  const ended = async (child: ChildProcess): Promise<Ended> => {
    const [out, err]: string[][] = [[], []];
    child.stdout?.on('data', (chunk) => out?.push(String(chunk)));
    child.stderr?.on('data', (chunk) => err?.push(String(chunk)));
    const [status] = await once(child, 'close');
    return { status, stdout: (out ?? []).join(''), stderr: (err ?? []).join('') };
  };
  const run = (root: string, ...args: readonly string[]) => ended(start(root, ...args));
  const ok = async (root: string, ...args: readonly string[]) => {
    const { status, stdout, stderr } = await run(root, ...args);
    assert.is(status, 0, `${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  /** Without a process of its own; not for a pull, whose registry this process is. */
  const here = (root: string, ...args: readonly string[]) =>
    tsimg(args, { env: { HOME: '/nonexistent', TSIMG_ROOT: root }, ...(user && { user }) });
  const okHere = (root: string, ...args: readonly string[]) => {
    const { status, stdout, stderr } = here(root, ...args);
    assert.is(status, 0, `${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  const newRoot = () => {
    const folder = tempDir(0o755);
    if (user !== undefined) chownSync(folder, user.uid, user.gid);
    return join(folder, 'store');
  };

  const [first, second] = [runnable('one'), runnable('two')];
  const tags = new Map([
    ['1', first.descriptor.digest],
    ['2', second.descriptor.digest],
  ]);
  const blobs = new Map<string, Uint8Array>([...first.blobs, ...second.blobs]);
  const layout = writeLayout(
    join(tempDir(0o755), 'layout'),
    [named(first.descriptor, 'example.com/loaded:1')],
    first.blobs,
  );
  const bothLayout = writeLayout(
    join(tempDir(0o755), 'layout'),
    [named(first.descriptor, 'example.com/loaded:1'), named(second.descriptor, 'example.com/loaded:2')],
    first.blobs,
    second.blobs,
  );

  /** Bytes of a blob that the store has, complete or not. */
  const keptOf = (root: string, digest: string): number => {
    const places = [join(root, 'blobs', digest.replace(':', '/')), join(root, 'partial', digest.replace(':', '-'))];
    return Math.max(...places.map((path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0));
  };
  const isClean = (root: string, what: string) => {
    const { status, stdout } = here(root, 'store', 'check', '--json');
    assert.is(status, 0, `${what}: ${stdout}`);
  };

  /** A store with two images and a container, of which there is a copy: it is filled again for each prune. */
  let fullRoot: string | undefined;

  /** What is killed, and what must hold for the next command. */
  const CASES: Readonly<
    Record<
      string,
      (name: string, sent: Map<string, number>) => Promise<readonly [root: string, args: readonly string[]]>
    >
  > = {
    pull: async (name) => [newRoot(), ['pull', name]],
    load: async () => [newRoot(), ['load', '-i', layout]],
    run: async (name) => [newRoot(), ['run', '--rm', '--network', 'none', name, 'true']],
    prune: async () => {
      const root = fullRoot ?? newRoot();
      const copy = `${root}-copy`;
      if (fullRoot === undefined) {
        okHere(root, 'load', '-i', bothLayout);
        okHere(root, 'run', '--network', 'none', 'example.com/loaded:2', 'true');
        fullRoot = root;
        execFileSync('cp', ['-a', root, copy]);
      } else {
        execFileSync('rm', ['-r', root]);
        execFileSync('cp', ['-a', copy, root]);
      }
      return [root, ['prune', '--force', '--all']];
    },
  };

  for (const [what, prepare] of Object.entries(CASES)) {
    test(`${what} that is killed at any moment leaves a clean store, and the next one ends right`, async () => {
      await using registry = await startServingRegistry({ tags, blobs }, { piece: PIECE, pause: 2 });
      const name = `${registry.host}/app:1`;
      // A whole run says how long one takes.
      const [timedRoot, timedArgs] = await prepare(name, registry.sent);
      const began = performance.now();
      await ok(timedRoot, ...timedArgs);
      const length = performance.now() - began;
      const isPulling = what === 'pull' || what === 'run';
      const count = Math.max(1, Math.round(KILLS / 2 / Object.keys(CASES).length));
      for (let turn = 0; turn < count; turn++) {
        const [root, args] = await prepare(name, registry.sent);
        const child = start(root, ...args);
        const end = ended(child);
        const moment = ((turn + 0.5) / count) * length;
        await sleep(moment);
        child.kill('SIGKILL');
        await end;
        const where = `${what} killed after ${Math.round(moment)} of ${Math.round(length)} ms`;
        isClean(root, where);
        const kept = new Map([...first.blobs].map(([digest]) => [digest as string, keptOf(root, digest)]));
        registry.sent.clear();
        if (isPulling) await ok(root, ...args);
        else okHere(root, ...args);
        for (const [digest, bytes] of isPulling ? first.blobs : []) {
          // Documents are asked for again; of layers only the rest.
          if (bytes.length < 1000) continue;
          assert.is(registry.sent.get(digest) ?? 0, bytes.length - (kept.get(digest) ?? 0), `${where}: ${digest}`);
        }
        isClean(root, `${where}, and again`);
        assert.equal(readdirSync(join(root, 'partial')), [], where);
        if (what === 'prune') {
          assert.equal(readdirSync(join(root, 'blobs', 'sha256')), [], where);
          assert.not.ok(
            existsSync(join(root, 'containers')) &&
              readdirSync(join(root, 'containers')).some((n) => /^[0-9a-f]{64}$/.test(n)),
          );
        }
      }
    });
  }

  test('two pulls of one image at once transfer each blob once', async () => {
    await using registry = await startServingRegistry({ tags, blobs }, { piece: PIECE, pause: 2 });
    const root = newRoot();
    const name = `${registry.host}/app:1`;
    await Promise.all([ok(root, 'pull', name), ok(root, 'pull', name)]);
    for (const { digest } of [...first.blobs].map(([digest, bytes]) => ({ digest, bytes }))) {
      const bytes = first.blobs.get(digest);
      if (bytes === undefined || digest === first.descriptor.digest) continue;
      if (bytes.length > 1000) assert.is(registry.sent.get(digest), bytes.length, digest);
    }
    isClean(root, 'two pulls');
  });

  test('a pull whose neighbour is killed takes over the download', async () => {
    await using registry = await startServingRegistry({ tags, blobs }, { piece: PIECE, pause: 4 });
    const root = newRoot();
    const name = `${registry.host}/app:1`;
    const killed = start(root, 'pull', name);
    const end = ended(killed);
    while (!existsSync(join(root, 'partial')) || readdirSync(join(root, 'partial')).length === 0) await sleep(10);
    const other = ok(root, 'pull', name);
    await sleep(400);
    killed.kill('SIGKILL');
    await end;
    await other;
    isClean(root, 'a neighbour');
    const total = [...registry.sent]
      .filter(([digest]) => first.blobs.has(digest as never))
      .reduce((sum, [, n]) => sum + n, 0);
    const size = [...first.blobs].reduce((sum, [, bytes]) => sum + bytes.length, 0);
    // What was under way when the neighbour died is lost: some pieces of each of the downloads.
    assert.ok(total < size + 1_000_000, `${total} of ${size}`);
  });

  test('a prune in a loop takes nothing that pulls and runs need', async () => {
    await using registry = await startServingRegistry({ tags, blobs });
    const root = newRoot();
    mkdirSync(join(root, '..', 'done'));
    let isDone = false;
    const prunes = (async () => {
      let count = 0;
      for (; !isDone; count += 1) await ok(root, 'prune', '--force');
      return count;
    })();
    for (let turn = 0; turn < 3; turn++) {
      const [one, two] = [`${registry.host}/app${turn}:1`, `${registry.host}/app${turn}:2`];
      await Promise.all([
        ok(root, 'pull', one),
        ok(root, 'run', '--rm', '--network', 'none', two, 'true'),
        ok(root, 'run', '--rm', '--network', 'none', one, 'true'),
      ]);
    }
    isDone = true;
    assert.ok((await prunes) > 1);
    isClean(root, 'after prunes');
    const images = okHere(root, 'images', '--json');
    assert.is(images.match(/"problem"/g), null);
    const listed: unknown = JSON.parse(images);
    assert.is(Array.isArray(listed) ? listed.length : 0, 6);
  });
});

asRoot.run();
asUser.run();

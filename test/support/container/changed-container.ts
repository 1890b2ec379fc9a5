import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { EXAMPLE_IMAGE } from '../checkout.ts';
import { tsimg } from '../command/tsimg.ts';
import type { OrdinaryUser } from '../host/ordinary-user.ts';
import { tempDir } from '../temp-dir.ts';

/** A store of a user, or of root, with the example image, and the command on this store. */
export interface ImageStore {
  readonly root: string;
  /** A folder of the user's. */
  readonly folder: string;
  /** Runs the command and returns its output. Fails unless it exits with 0. */
  ok(...args: readonly string[]): string;
  /** Runs the command. */
  call(
    args: readonly string[],
    input?: Buffer,
  ): { readonly status: number | null; readonly stdout: string; readonly stderr: string };
  /** Runs a script in a container of this name until it ends, and returns its output. */
  change(name: string, script: string, ...options: readonly string[]): string;
  /** Waits, a minute at most, until a running container has a file; no link may lead there. Needs root. */
  awaitFile(container: string, path: string): void;
  /** Removes the store and all containers. */
  remove(): void;
}

/** Blocks this thread: milliseconds. */
function sleepSync(time: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, time);
}

/** The name of the image that an `ImageStore` has. */
export const EXAMPLE = 'tsimg/example';

/**
 * @param folder an empty folder for the store; made when absent
 * @param home where calls are made: stores with the same one share the process that stays
 */
export function makeImageStore(user: OrdinaryUser | undefined, folder = tempDir(0o755), home = folder): ImageStore {
  const root = join(folder, 'store');
  mkdirSync(root, { mode: 0o700 });
  const image = join(folder, 'image.tar.gz');
  copyFileSync(EXAMPLE_IMAGE, image);
  chmodSync(image, 0o644);
  if (user !== undefined) for (const path of [folder, root]) chownSync(path, user.uid, user.gid);
  const surroundings = () => ({
    cwd: home,
    env: {
      TSIMG_ROOT: root,
      HOME: home,
      ...(process.env.SOURCE_DATE_EPOCH && { SOURCE_DATE_EPOCH: process.env.SOURCE_DATE_EPOCH }),
    },
    ...(user && { user }),
  });
  const call: ImageStore['call'] = (args, input) => tsimg(args, { ...surroundings(), ...(input && { input }) });
  const ok: ImageStore['ok'] = (...args) => {
    const { status, stdout, stderr } = call(args);
    assert.is(status, 0, stderr);
    return stdout;
  };
  ok('load', '-q', '-i', image);
  return {
    root,
    folder,
    ok,
    call,
    change: (name, script, ...options) =>
      ok('run', '-q', '--network', 'none', '--name', name, ...options, EXAMPLE, 'sh', '-c', script),
    awaitFile(container, path) {
      const pid = ok('inspect', '--type', 'container', '-f', '{{.State.Pid}}', container).trim();
      const end = Date.now() + 60_000;
      while (!existsSync(join('/proc', pid, 'root', path))) {
        assert.ok(Date.now() < end, `${container} has no ${path}`);
        sleepSync(10);
      }
    },
    remove() {
      const ids = ok('ps', '-aq').split('\n').filter(Boolean);
      if (ids.length > 0) call(['rm', '-f', ...ids]);
      spawnSync('rm', ['-rf', folder]);
    },
  };
}

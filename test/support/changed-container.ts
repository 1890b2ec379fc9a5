import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { EXAMPLE_IMAGE } from './checkout.ts';
import type { OrdinaryUser } from './ordinary-user.ts';
import { tempDir } from './temp-dir.ts';
import { tsimg } from './tsimg.ts';

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
  /** Waits, a minute at most, until a container has a file. */
  awaitFile(container: string, path: string): void;
  /** Removes the store and all containers. */
  remove(): void;
}

/** The name of the image that an `ImageStore` has. */
export const EXAMPLE = 'tsimg/example';

export function makeImageStore(user: OrdinaryUser | undefined): ImageStore {
  const folder = tempDir(0o755);
  const root = join(folder, 'store');
  mkdirSync(root, { mode: 0o700 });
  const image = join(folder, 'image.tar.gz');
  copyFileSync(EXAMPLE_IMAGE, image);
  chmodSync(image, 0o644);
  if (user !== undefined) for (const path of [folder, root]) chownSync(path, user.uid, user.gid);
  const call: ImageStore['call'] = (args, input) =>
    tsimg(args, {
      cwd: folder,
      env: { TSIMG_ROOT: root, HOME: folder },
      ...(user && { user }),
      ...(input && { input }),
    });
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
      const end = Date.now() + 60_000;
      while (call(['cp', `${container}:${path}`, '-']).status !== 0) {
        assert.ok(Date.now() < end, `${container} has no ${path}`);
      }
    },
    remove() {
      for (const id of ok('ps', '-aq').split('\n').filter(Boolean)) call(['rm', '-f', id]);
      spawnSync('rm', ['-rf', folder]);
    },
  };
}

import { chmodSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { file, tarOf } from '../../test/support/tar.ts';
import { differences, type Snapshot, snapshot } from '../../test/support/tree-snapshot.ts';

/** Where a tool is let loose on one case: what it may change, and what it must not. */
export interface Sandbox {
  /** Where the tree is to be; absent. Its parent may be written for a while, and has to look as before. */
  readonly rootfs: string;
  /** The tool's working directory. */
  readonly workingDirectory: string;
  /** The image is written here. */
  readonly input: string;
  /** The tool's own: storage, temporary files. Nobody looks. */
  readonly scratch: string;
  /** From now on nothing may change but `rootfs` and `scratch`: answers what tells of each change, a line. */
  watch(): () => readonly string[];
  /** Removes all of it. */
  clear(): void;
}

/** A time in the past: what is touched shows. */
const LONG_AGO = 1_000_000_000;

function canary(root: string, name: string, content: string | Buffer, mode = 0o600): void {
  const path = join(root, name);
  mkdirSync(join(path, '..'), { recursive: true, mode: 0o755 });
  writeFileSync(path, content);
  chmodSync(path, mode);
  utimesSync(path, LONG_AGO, LONG_AGO);
}

/** All beneath, without the tree and what the tool may use as it likes. Times of directories on the way change with them. */
function watched(root: string): Snapshot {
  const lines = new Map(snapshot(root));
  for (const [path, line] of lines) {
    if (/^(place\/rootfs|scratch)(\/|$)/.test(path)) lines.delete(path);
    else if (path === '' || path === 'place') lines.set(path, { ...line, mtime: 0n });
  }
  return lines;
}

/** Lays out a fresh sandbox with its canaries (see fixtures/conformance/outside.ts) in a folder, which is emptied. */
export function makeSandbox(root: string): Sandbox {
  const clear = () => rmSync(root, { recursive: true, force: true });
  clear();
  for (const folder of ['place', 'input', 'scratch', 'cwd']) mkdirSync(join(root, folder), { recursive: true });
  canary(root, 'outside/secret', 'a secret of the host\n');
  canary(root, 'outside/dir/inside', 'inside\n', 0o644);
  canary(root, 'outside/layer.tar', tarOf(file('stolen', 'stolen')), 0o644);
  canary(root, 'place/secret', 'beside\n');
  canary(root, 'place/rootfs-sibling/secret', 'sibling\n');
  canary(root, 'cwd/cwd-secret', 'in the working directory\n');
  for (const folder of ['outside/dir', 'outside', 'place/rootfs-sibling', 'cwd']) {
    chmodSync(join(root, folder), 0o750);
    utimesSync(join(root, folder), LONG_AGO, LONG_AGO);
  }
  return {
    rootfs: join(root, 'place', 'rootfs'),
    workingDirectory: join(root, 'cwd'),
    input: join(root, 'input'),
    scratch: join(root, 'scratch'),
    watch() {
      const before = watched(root);
      return () => differences(watched(root), before);
    },
    clear,
  };
}

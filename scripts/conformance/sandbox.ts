import { chmodSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { file, tarOf } from '../../test/support/tar.ts';
import { differences, type Snapshot, snapshot } from '../../test/support/tree-snapshot.ts';

/** The folders of one case: those that a tool may change, and those that it must not. */
export interface Sandbox {
  /**
   * The place of the tree, which does not exist yet. Its parent may change meanwhile, and must be as before at the end.
   */
  readonly rootfs: string;
  /** The tool's working directory. */
  readonly workingDirectory: string;
  /** The folder of the image. */
  readonly input: string;
  /** The tool's own folder for storage and temporary files, which is not compared. */
  readonly scratch: string;
  /**
   * Begins to watch: only `rootfs` and `scratch` may change. Returns a function that lists other changes, a line each.
   */
  watch(): () => readonly string[];
  /** Removes all folders. */
  clear(): void;
}

/** A time in the past, so that a change of a file's time is seen. */
const LONG_AGO = 1_000_000_000;

function canary(root: string, name: string, content: string | Buffer, mode = 0o600): void {
  const path = join(root, name);
  mkdirSync(join(path, '..'), { recursive: true, mode: 0o755 });
  writeFileSync(path, content);
  chmodSync(path, mode);
  utimesSync(path, LONG_AGO, LONG_AGO);
}

/** Lists all files but the tree and the tool's own folder. The times of directories above these change with them. */
function watched(root: string): Snapshot {
  const lines = new Map(snapshot(root));
  for (const [path, line] of lines) {
    if (/^(place\/rootfs|scratch)(\/|$)/.test(path)) lines.delete(path);
    else if (path === '' || path === 'place') lines.set(path, { ...line, mtime: 0n });
  }
  return lines;
}

/** Makes a new sandbox with its canaries (see fixtures/conformance/outside.ts) in a folder, which is emptied first. */
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

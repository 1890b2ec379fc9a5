import { chmodSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { file, tarOf } from '../../test/support/image/tar.ts';
import { differences, type Snapshot, snapshot } from '../../test/support/image/tree-snapshot.ts';

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
  /** Makes it as it was at first, for another case. What nothing has changed, as its watch told, stays. */
  renew(): void;
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

/**
 * Lists all files but the tree, the image and the tool's own folder. The times of directories above these change with
 * them.
 */
function watched(root: string): Snapshot {
  const lines = new Map(snapshot(root, new Set(['place/rootfs', 'input', 'scratch'])));
  for (const path of ['', 'place']) {
    const line = lines.get(path);
    if (line !== undefined) lines.set(path, { ...line, mtime: 0n });
  }
  return lines;
}

/** Makes the canaries (see fixtures/conformance/outside.ts) and the other folders. */
function makeFolders(root: string): void {
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
}

/** Makes a new sandbox with its canaries in a folder, which is emptied first. */
export function makeSandbox(root: string): Sandbox {
  const [rootfs, input, scratch] = [join(root, 'place', 'rootfs'), join(root, 'input'), join(root, 'scratch')];
  /** What is around the tree, while it is known to be as it was made. */
  let intact: Snapshot | undefined;
  const remove = (path: string) => rmSync(path, { recursive: true, force: true });
  const make = () => {
    remove(root);
    makeFolders(root);
  };
  make();
  return {
    rootfs,
    workingDirectory: join(root, 'cwd'),
    input,
    scratch,
    watch() {
      const [around, image] = [intact ?? watched(root), snapshot(input)];
      intact = undefined;
      return () => {
        const changes = [
          ...differences(watched(root), around),
          ...differences(snapshot(input), image).map((line) => `input/${line}`),
        ];
        if (changes.length === 0) intact = around;
        return changes;
      };
    },
    renew() {
      if (intact === undefined) return make();
      for (const path of [rootfs, input, scratch]) remove(path);
      for (const path of [input, scratch]) mkdirSync(path);
    },
    clear: () => remove(root),
  };
}

import type { TreeNode } from '../../rootfs/node.ts';
import type { TreeEntry } from '../../rootfs/tree.ts';
import { displayName, formatJson } from './escape.ts';

const TYPE_LETTER: Readonly<Record<TreeNode['kind'], string>> = {
  directory: 'd',
  file: '-',
  symlink: 'l',
  'character-device': 'c',
  'block-device': 'b',
  fifo: 'p',
};

/** Formats permission bits, with setuid, setgid and sticky, as ls(1) does: `rwxr-xr-x`. */
function formatMode(mode: number): string {
  const letters = ['r', 'w', 'x', 'r', 'w', 'x', 'r', 'w', 'x'].map((letter, bit) =>
    (mode >> (8 - bit)) & 1 ? letter : '-',
  );
  const special = [
    [0o4000, 2, 's'],
    [0o2000, 5, 's'],
    [0o1000, 8, 't'],
  ] as const;
  for (const [bit, place, letter] of special) {
    if (mode & bit) letters[place] = letters[place] === 'x' ? letter : letter.toUpperCase();
  }
  return letters.join('');
}

/** Returns an entry's absolute path, escaped for a terminal. */
export function formatPath({ path }: TreeEntry): string {
  return `/${displayName(path)}`;
}

/** Formats an entry as `ls -l` does, with numeric owners, the time in UTC to the second, and the target of a link. */
export function formatEntry(entry: TreeEntry): string {
  const { node } = entry;
  const { mode, uid, gid, mtime } = node.attributes;
  const isDevice = node.kind === 'character-device' || node.kind === 'block-device';
  const size = node.kind === 'file' ? String(node.size) : isDevice ? `${node.major},${node.minor}` : '-';
  const date = new Date(mtime.seconds * 1000);
  const time = Number.isNaN(date.getTime()) ? String(mtime.seconds) : date.toISOString().slice(0, 19).replace('T', ' ');
  const target = node.kind === 'symlink' ? ` -> ${displayName(node.target)}` : '';
  const owner = `${uid}/${gid}`.padEnd(11);
  const type = TYPE_LETTER[node.kind];
  return `${type}${formatMode(mode)} ${owner} ${size.padStart(10)} ${time} ${formatPath(entry)}${target}`;
}

/** Formats an entry as one JSON object. Numbers are those of the layer, names are escaped as in the other forms. */
export function formatEntryJson(entry: TreeEntry): string {
  const { node } = entry;
  const { mode, uid, gid, mtime, xattrs } = node.attributes;
  return formatJson({
    path: formatPath(entry),
    kind: node.kind,
    mode: mode.toString(8).padStart(4, '0'),
    uid,
    gid,
    size: node.kind === 'file' ? node.size : undefined,
    target: node.kind === 'symlink' ? displayName(node.target) : undefined,
    mtime: mtime.seconds,
    xattrs: xattrs.size === 0 ? undefined : [...xattrs.keys()].map(displayName),
  });
}

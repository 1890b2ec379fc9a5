import { createHash } from 'node:crypto';
import { applyLayer } from '../../../src/rootfs/fold/apply.ts';
import type { LayerEntry } from '../../../src/rootfs/fold/outcome.ts';
import type { Ownership } from '../../../src/rootfs/fold/real-attributes.ts';
import type { TreeNode } from '../../../src/rootfs/node.ts';
import { policyOf } from '../../../src/rootfs/policy.ts';
import { newTolerated } from '../../../src/rootfs/tolerated.ts';
import { entriesOf, Tree } from '../../../src/rootfs/tree.ts';
import { createTarReader } from '../../../src/tar/read/read.ts';
import { readWhole } from '../../support/image/read-tar.ts';
import { type SnapshotLine, snapshot } from '../../support/image/tree-snapshot.ts';
import { differenceOf } from '../ending.ts';
import type { Input } from '../target.ts';

// Compares the tree that the fold makes of layers in memory with a tree on disk.

/** Larger layers, counted with their holes, are not compared. Bytes. */
const MAX_BYTES = 1024 * 1024;
/** The most seconds whose nanoseconds fit in 64 bits. */
const FAR = 9_000_000_000;

export interface FoldedTree {
  readonly tree: Tree;
  /** The contents of all files by the number of the body, in the order of the layers. */
  readonly contents: readonly Buffer[];
}

function bytesIn(layer: Buffer): number {
  let sum = 0;
  const reader = createTarReader({
    entry(header) {
      sum += header.size;
    },
    data() {},
    end() {},
  });
  reader.write(layer);
  reader.end();
  return sum;
}

/** Folds the layers; undefined where they are too large for memory. */
export function foldLayers(layers: Input): FoldedTree | undefined {
  if (layers.reduce((sum, layer) => sum + bytesIn(layer), 0) > MAX_BYTES) return undefined;
  const tree = new Tree();
  const tolerated = newTolerated(policyOf('ignore'));
  const contents: Buffer[] = [];
  for (const [ordinal, layer] of layers.entries()) {
    const entries = readWhole(layer).map(({ header, content }): LayerEntry => {
      if (header.kind !== 'file' || header.size === 0) return { header, body: undefined };
      return { header, body: { bucket: undefined, name: String(contents.push(content) - 1) } };
    });
    applyLayer(tree, { entries, ordinal }, tolerated);
  }
  return { tree, contents };
}

export interface ComparisonOptions {
  readonly ownership: Ownership;
  /** Whether the extended attributes on disk are those of the layers. */
  readonly isWhole: boolean;
}

const NOTHING = Buffer.alloc(0);
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** Packs a device number as Linux does for stat(2). */
function deviceText(major: number, minor: number): string {
  const packed = (BigInt(minor) & 0xffn) | (BigInt(major) << 8n) | ((BigInt(minor) & 0xfff00n) << 12n);
  return `device ${packed}`;
}

/** @param kind the kind on disk: `file` for a device that an ordinary user could not make */
function contentText(node: TreeNode, kind: string, contents: readonly Buffer[]): string {
  if (node.kind === 'symlink') return node.target;
  if (node.kind === 'file')
    return sha256(node.body === undefined ? NOTHING : (contents[Number(node.body.name)] ?? NOTHING));
  if (kind === 'file') return sha256(NOTHING);
  return 'major' in node && kind.endsWith('device') ? deviceText(node.major, node.minor) : '';
}

function expectedLine(path: string, node: TreeNode, first: string, folded: FoldedTree, options: ComparisonOptions) {
  const { mode, uid, gid, mtime, xattrs } = node.attributes;
  const isRecorded = options.ownership === 'record';
  const kind = isRecorded && node.kind.endsWith('device') ? 'file' : node.kind;
  const isFar = Math.abs(mtime.seconds) > FAR;
  return [
    path,
    kind,
    contentText(node, kind, folded.contents),
    first,
    isFar ? 'far' : BigInt(mtime.seconds) * 1_000_000_000n + BigInt(mtime.nanoseconds),
    ...(isRecorded ? [] : [`${uid}:${gid}`, kind === 'symlink' ? '' : mode.toString(8).padStart(4, '0')]),
    ...(options.isWhole
      ? [...xattrs].map(([name, value]) => `${name}=${Buffer.from(value).toString('hex')}`).sort()
      : []),
  ].join(' ');
}

function foundLine(path: string, line: SnapshotLine, isFar: boolean, { ownership, isWhole }: ComparisonOptions) {
  const { kind, content, first, mtime, owner, mode, xattrs } = line;
  return [
    path,
    kind,
    content,
    first,
    isFar ? 'far' : mtime,
    ...(ownership === 'record' ? [] : [owner, kind === 'symlink' ? '' : mode]),
    ...(isWhole ? xattrs.toSorted() : []),
  ].join(' ');
}

/**
 * Returns where the tree at a path differs from the folded one: names, kinds, contents, links, times; owners and modes
 * where they are set.
 */
export function treeDifference(root: string, folded: FoldedTree, options: ComparisonOptions): string | undefined {
  const firsts = new Map<TreeNode, string>();
  const far = new Set<string>();
  const expected: string[] = [];
  for (const { path, node } of entriesOf(folded.tree)) {
    const first = node.kind === 'directory' ? path : (firsts.get(node) ?? path);
    firsts.set(node, first);
    if (Math.abs(node.attributes.mtime.seconds) > FAR) far.add(path);
    expected.push(expectedLine(path, node, first, folded, options));
  }
  const found = [...snapshot(root)].map(([path, line]) => foundLine(path, line, far.has(path), options));
  return differenceOf(found.sort().join('\n'), expected.sort().join('\n'));
}

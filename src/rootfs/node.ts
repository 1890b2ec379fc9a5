import type { Timestamp } from '../tar/header.ts';
import type { Body } from './body.ts';

/** What an image says about a file beside its content. Never changed in place: hard links share it. */
export interface Attributes {
  /** Permission bits with setuid, setgid and sticky: 0 … 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: Timestamp;
  /** By name (bytes, latin1), values as bytes. */
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
}

interface NodeBase {
  attributes: Attributes;
  /** Ordinal of the layer that wrote it last, 0 for the base layer; a hard link to it counts as writing. */
  layer: number;
}

export interface DirectoryNode extends NodeBase {
  readonly kind: 'directory';
  readonly children: Map<string, TreeNode>;
}

/** A file as hard links see it: several names may hold the same object. */
interface SharedBase extends NodeBase {
  /** Whether a hard link to it was ever made. */
  shared: boolean;
}

export interface FileNode extends SharedBase {
  readonly kind: 'file';
  /** Bytes, holes counted. */
  readonly size: number;
  /** The stored content; undefined for an empty file. */
  readonly body: Body | undefined;
}

export interface SymlinkNode extends SharedBase {
  readonly kind: 'symlink';
  /** Unchanged from the archive, bytes (latin1). */
  readonly target: string;
}

export type SpecialKind = 'character-device' | 'block-device' | 'fifo';

export interface SpecialNode extends SharedBase {
  readonly kind: SpecialKind;
  /** 0 for a fifo, as `minor`. */
  readonly major: number;
  readonly minor: number;
}

/** Whatever may have several names. */
export type LeafNode = FileNode | SymlinkNode | SpecialNode;

/** A file, directory, link or device of a root filesystem in memory: attributes, and no content. */
export type TreeNode = DirectoryNode | LeafNode;

const NO_XATTRS: ReadonlyMap<string, Uint8Array> = new Map();

/**
 * What a directory has that no layer describes: 0755, root, the epoch. Not "now" and nothing of the entry that
 * implied it, so that the same layers make the same tree, in whatever order a layer lists its entries.
 */
export const IMPLIED_ATTRIBUTES: Attributes = {
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: { seconds: 0, nanoseconds: 0 },
  xattrs: NO_XATTRS,
};

/** The part of a tar header that a node keeps; an empty set of xattrs is not held a hundred thousand times. */
export function attributesOf(source: Attributes): Attributes {
  const { mode, uid, gid, mtime, xattrs } = source;
  return { mode, uid, gid, mtime, xattrs: xattrs.size === 0 ? NO_XATTRS : xattrs };
}

export function directoryNode(attributes: Attributes, layer: number): DirectoryNode {
  return { kind: 'directory', attributes, layer, children: new Map() };
}

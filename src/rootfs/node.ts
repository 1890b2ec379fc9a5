import type { Timestamp } from '../tar/header.ts';
import type { Body } from './body.ts';

/** The attributes of a file in an image. Never changed in place, because hard links share them. */
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
  /** The ordinal of the layer that wrote it last, 0 for the base layer; a hard link to it counts as writing. */
  layer: number;
}

/** A directory, with the names in it. */
export interface DirectoryNode extends NodeBase {
  readonly kind: 'directory';
  readonly children: Map<string, TreeNode>;
}

/** A file as hard links see it: several names may hold the same object. */
interface SharedBase extends NodeBase {
  /** Whether a hard link to it was ever made. */
  shared: boolean;
}

/** A regular file. */
export interface FileNode extends SharedBase {
  readonly kind: 'file';
  /** Bytes, with holes. */
  readonly size: number;
  /** The stored content; undefined for an empty file. */
  readonly body: Body | undefined;
}

/** A symbolic link. */
export interface SymlinkNode extends SharedBase {
  readonly kind: 'symlink';
  /** Unchanged from the archive, bytes (latin1). */
  readonly target: string;
}

/** The kinds of nodes that mknod(2) makes. */
export type SpecialKind = 'character-device' | 'block-device' | 'fifo';

/** A device, or a fifo. */
export interface SpecialNode extends SharedBase {
  readonly kind: SpecialKind;
  /** 0 for a fifo, and so is `minor`. */
  readonly major: number;
  readonly minor: number;
}

/** A node that may have several names. */
export type LeafNode = FileNode | SymlinkNode | SpecialNode;

/** A file, directory, link or device of a root filesystem in memory: attributes, and no content. */
export type TreeNode = DirectoryNode | LeafNode;

const NO_XATTRS: ReadonlyMap<string, Uint8Array> = new Map();

/**
 * The attributes of a directory that no layer describes: 0755, root, the epoch. They depend neither on the time nor on
 * the entry that implied the directory, so the same layers make the same tree, in whatever order a layer lists its
 * entries.
 */
export const IMPLIED_ATTRIBUTES: Attributes = {
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: { seconds: 0, nanoseconds: 0 },
  xattrs: NO_XATTRS,
};

/** Returns the part of a tar header that a node keeps. One empty set of xattrs is shared, to save memory. */
export function attributesOf(source: Attributes): Attributes {
  const { mode, uid, gid, mtime, xattrs } = source;
  return { mode, uid, gid, mtime, xattrs: xattrs.size === 0 ? NO_XATTRS : xattrs };
}

export function directoryNode(attributes: Attributes, layer: number): DirectoryNode {
  return { kind: 'directory', attributes, layer, children: new Map() };
}

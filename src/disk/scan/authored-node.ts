import { recordedAttributes } from '../../rootfs/fold/recorded.ts';
import type { NameAt } from '../directory/directory-stack.ts';
import { type DiskNode, readNode } from './read-node.ts';

/** The form in which a tree was written. */
export interface TreeForm {
  /**
   * `kept`: files have their owners. `recorded`: they belong to an ordinary user, and their owners are recorded in
   * xattrs, as `unpack` does; root's files have no record. A pair of IDs is the owner of all files.
   */
  readonly owners: 'kept' | 'recorded' | { readonly uid: number; readonly gid: number };
  /** Whether modes and devices that could not be set are recorded. */
  readonly records: boolean;
}

/** A node as an image has it. */
export interface AuthoredNode extends DiskNode {
  /**
   * Whether the file can hold a record of its owner. Where it cannot, and owners are recorded, its owner in the image
   * is not known.
   */
  readonly recordable: boolean;
  /** The owner on the disk. */
  readonly ownerOnDisk: number;
}

/**
 * Reads the node that has a name in a directory, with the attributes that it has in an image; undefined where there is
 * none. Names are never followed. The inverse of `realAttributes` and `setAttributes`.
 * @throws FILESYSTEM, SYSTEM_CALL
 */
export function readAuthoredNode(at: NameAt, path: string, form: TreeForm): AuthoredNode | undefined {
  const node = readNode(at, path);
  if (node === undefined) return undefined;
  const ownerOnDisk = node.attributes.uid;
  const { owners } = form;
  const base = owners === 'kept' ? {} : owners === 'recorded' ? { uid: 0, gid: 0 } : owners;
  const attributes = { ...node.attributes, ...base };
  const recordable = node.kind === 'file' || node.kind === 'directory';
  if (!form.records || (node.kind !== 'file' && node.kind !== 'directory')) {
    return { ...node, attributes, recordable, ownerOnDisk };
  }
  const recorded = recordedAttributes(attributes, node.kind);
  const intended = typeof owners === 'object' ? { ...recorded.attributes, ...owners } : recorded.attributes;
  const { device } = recorded;
  if (device === undefined || node.size > 0) return { ...node, attributes: intended, recordable, ownerOnDisk };
  return { ...node, ...device, attributes: intended, recordable, ownerOnDisk };
}

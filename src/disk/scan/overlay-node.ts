import { TsimgError } from '../../errors.ts';
import type { OverlayNamespace } from '../../rootfs/fold/real-attributes.ts';
import { recordedAttributes, withoutOverlayXattrs } from '../../rootfs/fold/recorded.ts';
import { pathText } from '../../rootfs/path.ts';
import { readXattrsAt } from '../../sys/file/attributes.ts';
import { closeDescriptor } from '../../sys/file/files.ts';
import type { NameAt } from '../directory/directory-stack.ts';
import { type DiskNode, namesIn, openDirectoryAt, readNode } from './read-node.ts';

/** The form in which layers of a container are written. */
export interface OverlayForm {
  /** The namespace of the xattrs that overlayfs took for its own. */
  readonly overlay: OverlayNamespace;
  /** Whether files may have records of attributes that an ordinary user could not set. */
  readonly recorded: boolean;
}

/** A character device 0/0 in a layer hides its name. overlayfs.rst, "whiteouts and opaque directories". */
export function isWhiteout({ kind, major, minor }: DiskNode): boolean {
  return kind === 'character-device' && major === 0 && minor === 0;
}

/** Whether a directory hides everything of the layers below it. */
export function isOpaque({ directory, name }: NameAt, { overlay }: OverlayForm): boolean {
  const mark = `${overlay}.overlay.opaque`;
  return (
    readXattrsAt(directory, name, (attribute) => attribute === mark)
      .get(mark)
      ?.toString() === 'y'
  );
}

/** Refuses a node that other settings of overlayfs made: the content of the file or directory is elsewhere then. */
function refuseElsewhere(node: DiskNode, overlay: OverlayNamespace, path: string): void {
  const found = ['redirect', 'metacopy'].find((name) => node.attributes.xattrs.has(`${overlay}.overlay.${name}`));
  if (found === undefined) return;
  throw new TsimgError('FORMAT_UNSUPPORTED', 'the container’s layer cannot be read', {
    where: pathText(path),
    why: `overlayfs was used with ${found === 'redirect' ? 'redirect_dir' : 'metacopy'}`,
    hint: 'make the container again: tsimg mounts without it',
  });
}

/** Reads the node that has a name in a layer, as the container sees it; undefined where the layer has no such name. */
export function readOverlayNode(at: NameAt, path: string, form: OverlayForm): DiskNode | undefined {
  const node = readNode(at, path);
  if (node === undefined || isWhiteout(node)) return node;
  refuseElsewhere(node, form.overlay, path);
  const xattrs = withoutOverlayXattrs(node.attributes.xattrs, form.overlay);
  const seen: DiskNode = { ...node, attributes: { ...node.attributes, xattrs } };
  if (!form.recorded || (seen.kind !== 'file' && seen.kind !== 'directory')) return seen;
  const { attributes, device } = recordedAttributes(seen.attributes, seen.kind);
  if (device === undefined || seen.size > 0) return { ...seen, attributes };
  return { ...seen, attributes, kind: device.kind, major: device.major, minor: device.minor };
}

/** The merged view of one name: its uppermost node, and the open directories that are merged, if it is a directory. */
export interface LowerNode extends Disposable {
  readonly node: DiskNode;
  readonly directories: readonly number[];
}

/** A name in merged directories, and its whole path for errors. */
interface NamedPath {
  readonly name: string;
  readonly path: string;
}

/**
 * Looks a name up in directories of layers, top first, as overlayfs does; undefined where no file is visible.
 * @throws FILESYSTEM, FORMAT_UNSUPPORTED
 */
export function findLower(
  lowers: readonly number[],
  { name, path }: NamedPath,
  form: OverlayForm,
): LowerNode | undefined {
  let node: DiskNode | undefined;
  const directories: number[] = [];
  for (const directory of lowers) {
    const at = { directory, name };
    const found = readOverlayNode(at, path, form);
    if (found === undefined) continue;
    if (isWhiteout(found)) break;
    if (found.kind !== 'directory') {
      node ??= found;
      break;
    }
    node ??= found;
    directories.push(openDirectoryAt(at, path));
    if (isOpaque(at, form)) break;
  }
  if (node === undefined) return undefined;
  return { node, directories, [Symbol.dispose]: () => directories.forEach(closeDescriptor) };
}

/** Returns all visible names in merged directories of layers, in byte order. @throws FILESYSTEM, FORMAT_UNSUPPORTED */
export function lowerNames(lowers: readonly number[], path: string, form: OverlayForm): readonly string[] {
  const names = new Set(lowers.flatMap((directory) => namesIn(directory, path)));
  return [...names].sort().filter((name) => {
    using found = findLower(lowers, { name, path: `${path}/${name}` }, form);
    return found !== undefined;
  });
}

import { TsimgError } from '../../errors.ts';
import type { TarHeader } from '../../tar/header.ts';
import { attributesOf, type DirectoryNode, directoryNode, IMPLIED_ATTRIBUTES, type LeafNode } from '../node.ts';
import { childPath, cleanName, isName, MAX_PATH, pathText } from '../path.ts';
import { type Tolerated, tolerate } from '../tolerated.ts';
import type { Tree } from '../tree.ts';
import { applyWhiteouts, type Marker } from './apply-whiteouts.ts';
import { type BeforeMarkers, childBefore, noteHidden } from './before-markers.ts';
import { bindLink, type PendingLink, settleLinks } from './hardlink.ts';
import { checkIds, leafNode } from './leaf-node.ts';
import { hideName, type LayerEntries, type LayerEntry, type LayerOutcome, newOutcome, touch } from './outcome.ts';
import { type Place, resolveDirectory } from './resolve.ts';
import { mayBeMarker, readWhiteout } from './whiteout-name.ts';

/** The state of one application of a layer. */
interface Application {
  readonly tree: Tree;
  readonly tolerated: Tolerated;
  readonly outcome: LayerOutcome;
  /** Hard links by their placeholder, which stays until all other entries are applied. */
  readonly links: Map<LeafNode, PendingLink>;
  /** The hidden nodes that links before a marker reach; undefined where no link stands before a marker. */
  readonly before: BeforeMarkers | undefined;
  /** The position of the current entry. */
  position: number;
  /** The directory of the previous entry, because archives list the files of a directory one after the other. */
  last: { readonly prefix: string; readonly parent: Place } | undefined;
}

/** A layer, and its place among those of its image. */
export interface NumberedLayer {
  /** All of them. */
  readonly entries: LayerEntries;
  /** 0 for the base layer; higher than that of any layer applied before. */
  readonly ordinal: number;
}

/**
 * Folds a layer into the tree of the layers below (OCI image spec, layer.md, "Applying Changesets").
 * Whiteouts are applied first, because they hide names of lower layers only. Then come the entries in their order; the
 * last of several entries with one name wins. A hard link is bound to the node that its target is at the time of the
 * entry, even if a later marker hides this node; without such a node, it is bound to the node that has the name at the
 * end.
 * @throws LAYER_INVALID, LIMIT_EXCEEDED, POLICY_VIOLATED; the tree must not be used after an error
 */
export function applyLayer(tree: Tree, { entries, ordinal }: NumberedLayer, tolerated: Tolerated): LayerOutcome {
  const outcome = newOutcome(ordinal);
  const { markers, directories, isLinkBeforeMarker } = sortOut(entries, tolerated);
  const marked = { markers, isReplaced: (literal: string) => directories.has(literal) };
  const before = isLinkBeforeMarker ? noteHidden(tree, marked) : undefined;
  applyWhiteouts(tree, marked, outcome);
  const application: Application = {
    tree,
    tolerated,
    outcome,
    links: new Map(),
    before,
    position: -1,
    last: undefined,
  };
  for (const entry of entries) {
    application.position += 1;
    if (addBesideLast(application, entry)) continue;
    // Split a second time, because keeping many small arrays costs more
    const { components } = cleanName(entry.header.path);
    if (readWhiteout(components, entry.header).kind === 'none') add(application, components, entry);
  }
  settleLinks(tree, application.links, outcome);
  return outcome;
}

/** Separates markers from entries that add files, and notes the names of the directories of the layer. */
function sortOut(entries: LayerEntries, tolerated: Tolerated) {
  const markers: Marker[] = [];
  const directories = new Set<string>();
  let firstLink = Number.POSITIVE_INFINITY;
  let position = -1;
  for (const entry of entries) {
    const { header } = entry;
    position += 1;
    checkIds(header);
    if (header.kind === 'hardlink' && firstLink > position) firstLink = position;
    // Nearly all entries: they are no markers
    if (header.kind !== 'directory' && !mayBeMarker(header.path) && !header.path.includes('..')) continue;
    const { components, climbed } = cleanName(header.path);
    if (climbed) tolerate(tolerated, 'climbing-names', header.path);
    const reading = readWhiteout(components, header);
    switch (reading.kind) {
      case 'whiteout':
        markers.push({ kind: 'whiteout', position, parent: components.slice(0, -1), name: reading.name });
        break;
      case 'opaque':
        markers.push({ kind: 'opaque', position, parent: components.slice(0, -1) });
        break;
      case 'aufs':
        tolerate(tolerated, 'aufs-metadata', header.path);
        break;
      case 'none':
        if (header.kind === 'directory') directories.add(components.join('/'));
    }
  }
  return { markers, directories, isLinkBeforeMarker: firstLink < (markers.at(-1)?.position ?? 0) };
}

function add(application: Application, components: readonly string[], entry: LayerEntry): void {
  const { header } = entry;
  const name = components.at(-1);
  if (name === undefined) addRoot(application, header);
  else {
    const parent = parentOf(application, components, header);
    touch(parent, application.outcome);
    const { path } = header;
    application.last = path.endsWith(`/${name}`) ? { prefix: path.slice(0, -name.length), parent } : undefined;
    addIn(application, { parent, name }, entry);
  }
}

/**
 * Adds an entry to the directory of the previous entry; returns false where the directory is not known to be the same.
 */
function addBesideLast(application: Application, entry: LayerEntry): boolean {
  const { last } = application;
  const { path } = entry.header;
  if (last === undefined || !path.startsWith(last.prefix) || path.length > MAX_PATH) return false;
  const name = path.slice(last.prefix.length);
  if (!isName(name) || mayBeMarker(path)) return false;
  addIn(application, { parent: last.parent, name }, entry);
  return true;
}

/** A name in a directory of the tree. */
type NameIn = Pick<PendingLink, 'parent' | 'name'>;

function addIn(application: Application, at: NameIn, entry: LayerEntry): void {
  const { parent, name } = at;
  const before = parent.directory.children.get(name);
  if (entry.header.kind === 'directory') addDirectory(application, at, entry.header);
  else addLeaf(application, at, entry);
  const isOther = before !== undefined && parent.directory.children.get(name) !== before;
  // The path to the directory may have led through the replaced node
  if (isOther && (before.kind === 'directory' || before.kind === 'symlink')) application.last = undefined;
}

/** Applies an entry for the root itself. Another kind than a directory would replace the root (CVE-2021-29136). */
function addRoot({ tree, outcome }: Application, header: TarHeader): void {
  if (header.kind !== 'directory') {
    throw new TsimgError('LAYER_INVALID', `the layer has a ${header.kind} in place of the root`, {
      where: pathText(header.path),
    });
  }
  writeDirectory(tree.root, header, outcome);
}

function writeDirectory(directory: DirectoryNode, header: TarHeader, outcome: LayerOutcome): void {
  directory.attributes = attributesOf(header);
  directory.layer = outcome.ordinal;
  outcome.touched.add(directory);
}

function addDirectory({ tree, outcome }: Application, { parent, name }: NameIn, header: TarHeader): void {
  const existing = parent.directory.children.get(name);
  if (existing?.kind === 'directory') {
    writeDirectory(existing, header, outcome);
    return;
  }
  hideName(parent, name, outcome);
  const directory = directoryNode(attributesOf(header), outcome.ordinal);
  tree.put(parent.directory, name, directory);
  outcome.touched.add(directory);
}

function addLeaf(application: Application, at: NameIn, entry: LayerEntry): void {
  const { parent, name } = at;
  const { tree, tolerated, outcome, links, before, position } = application;
  const { header } = entry;
  if (parent.directory.children.get(name)?.layer === outcome.ordinal) {
    tolerate(tolerated, 'duplicate-names', childPath(parent.path, name));
  }
  const node = leafNode(entry, outcome.ordinal);
  hideName(parent, name, outcome);
  tree.put(parent.directory, name, node);
  if (header.kind !== 'hardlink') return;
  const childOf = before && childBefore(before, position);
  links.set(node, bindLink(tree, { ...at, header, placeholder: node }, childOf));
}

/** Finds the directory of an entry, and makes it where no layer has it. */
function parentOf({ tree, outcome }: Application, components: readonly string[], header: TarHeader): Place {
  const make = (parent: DirectoryNode, name: string): DirectoryNode => {
    const directory = directoryNode(IMPLIED_ATTRIBUTES, outcome.ordinal);
    tree.put(parent, name, directory);
    return directory;
  };
  const found = resolveDirectory(tree, components.slice(0, -1), { make });
  if (found.kind === 'directory') {
    // The chain counts the root, which is no component, and not the entry itself, which is one
    if (found.chain.length <= tree.maxDepth) return found;
    throw new TsimgError('LIMIT_EXCEEDED', 'the layer nests directories too deeply', {
      where: `${pathText(found.path.slice(0, 100))}…`,
      why: `more than ${tree.maxDepth} names in one path`,
      hint: 'raise the limit with --max-depth if you trust where it comes from',
      facts: { maximum: tree.maxDepth, option: '--max-depth' },
    });
  }
  throw new TsimgError('LAYER_INVALID', 'the layer has an entry that cannot be placed', {
    where: pathText(header.path),
    why:
      found.kind === 'not-directory'
        ? `${pathText(found.path)} is not a directory`
        : 'its path crosses too many symbolic links',
  });
}

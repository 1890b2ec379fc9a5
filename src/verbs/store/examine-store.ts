import { lstat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hasKeptEntries } from '../../disk/read/kept-entries.ts';
import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { algorithmOf, type Digest, isDigest } from '../../oci/digest.ts';
import { isManifestOrIndex } from '../../oci/media-type.ts';
import { plural } from '../../plural.ts';
import { checkBlob } from '../../store/blobs.ts';
import { listDropped } from '../../store/dropped.ts';
import { LAYOUT } from '../../store/layout-names.ts';
import { namesIn } from '../../store/list-folder.ts';
import { listStored, readStoreIndex, type StoredImage } from '../../store/names.ts';
import type { Store } from '../../store/open.ts';
import { sizeOf } from '../../store/size-of.ts';
import { listUnfinished } from '../../store/unfinished.ts';
import { LAYER_CHAIN, LAYERS_KEY, PARTIAL_BLOB, STORE_NAME, TEMPORARY_PREFIX } from '../../store-layout.ts';
import type { BlobFault, StoreFinding } from './finding.ts';
import { lostLayers } from './lost-layers.ts';
import { type NeededBlob, type NeededBlobs, neededBlobs } from './needed-blobs.ts';

/** The findings in a store, and how much was read. */
export interface Examination {
  readonly images: readonly StoredImage[];
  readonly blobs: number;
  /** Bytes of the blobs that were read. */
  readonly bytes: number;
  readonly findings: readonly StoreFinding[];
  /** The faults among the findings that lie in a blob. */
  readonly blobFaults: readonly BlobFault[];
}

/** The fault of the list of images; undefined for none. */
async function examineList(store: Store, blobs: number): Promise<StoreFinding | undefined> {
  const fault = { where: join(store.root, LAYOUT.index), images: [], bytes: 0 };
  try {
    if ((await readStoreIndex(store)) !== undefined || blobs === 0) return undefined;
    return { ...fault, kind: 'list-missing', problem: 'the list of images is gone, and with it their names' };
  } catch (error) {
    if (!(error instanceof TsimgError) || error.code !== 'STORE_INVALID') throw error;
    return { ...fault, kind: 'list-damaged', problem: error.why ?? error.what };
  }
}

interface BlobFiles {
  readonly digests: readonly Digest[];
  /** The paths of what has no place among the blobs. */
  readonly strangers: readonly string[];
}

const ALGORITHMS = ['sha256', 'sha512'];
/** Strange files that are told one by one. */
const MOST_STRANGERS = 20;

/** Tells of what is no blob: it takes room, and is left to its owner. */
async function examineStrangers(paths: readonly string[]): Promise<readonly StoreFinding[]> {
  const findings: StoreFinding[] = [];
  for (const where of paths.slice(0, MOST_STRANGERS)) {
    const problem = 'it is no blob by its name and place, and nothing uses or removes it';
    findings.push({ kind: 'stray', where, images: [], bytes: (await sizeOf(where)) ?? 0, problem });
  }
  const [next, ...others] = paths.slice(MOST_STRANGERS);
  if (next === undefined) return findings;
  const problem =
    others.length === 0 ? '1 further file that is no blob' : `${others.length + 1} further files that are no blobs`;
  return [...findings, { kind: 'stray', where: dirname(next), images: [], bytes: 0, problem }];
}

async function blobFiles(store: Store): Promise<BlobFiles> {
  const digests: Digest[] = [];
  const strangers: string[] = [];
  const blobs = join(store.root, LAYOUT.blobs);
  for (const name of await namesIn(blobs)) if (!ALGORITHMS.includes(name)) strangers.push(join(blobs, name));
  for (const algorithm of ALGORITHMS) {
    const folder = join(blobs, algorithm);
    for (const name of await namesIn(folder)) {
      const digest = `${algorithm}:${name}`;
      if (isDigest(digest) && algorithmOf(digest) === algorithm) digests.push(digest);
      else strangers.push(join(folder, name));
    }
  }
  return { digests, strangers };
}

function blobFault(
  kind: 'blob-damaged' | 'blob-missing',
  { descriptor, images, isOrigin }: NeededBlob,
  problem: string,
): BlobFault {
  return { kind, where: descriptor.digest, images: [...images], bytes: 0, problem, blob: descriptor, isOrigin };
}

/** Blobs that were dropped, and those of them whose layers are gone as well. */
interface Dropped {
  readonly dropped: ReadonlySet<Digest>;
  readonly lost: ReadonlySet<Digest>;
}

interface ReadBlobs {
  readonly bytes: number;
  readonly faults: readonly BlobFault[];
  readonly unneeded: { readonly count: number; readonly bytes: number };
}

/** Reads the blobs that an image needs, and counts the others. */
async function readBlobs(
  store: Store,
  digests: readonly Digest[],
  { blobs: needed }: NeededBlobs,
  { dropped, lost, signal }: Context & Dropped,
): Promise<ReadBlobs> {
  const faults: BlobFault[] = [];
  const there = new Set<Digest>();
  let [bytes, unneeded, unneededBytes] = [0, 0, 0];
  for (const digest of digests) {
    signal?.throwIfAborted();
    const size = (await sizeOf(join(store.root, LAYOUT.blobs, digest.replace(':', '/')))) ?? 0;
    const need = needed.get(digest);
    if (need === undefined) {
      unneeded += 1;
      unneededBytes += size;
      continue;
    }
    there.add(digest);
    bytes += size;
    const state = await checkBlob(store, need.descriptor, signal);
    if (state === 'right') continue;
    if (state === 'missing') there.delete(digest);
    else faults.push(blobFault('blob-damaged', need, 'it has other bytes than its digest says'));
  }
  for (const need of needed.values()) {
    const { digest } = need.descriptor;
    if (there.has(digest)) continue;
    if (lost.has(digest)) {
      faults.push(blobFault('blob-missing', need, 'it was dropped, and its layer is not unpacked any more'));
    } else if (!dropped.has(digest)) faults.push(blobFault('blob-missing', need, 'it is not there'));
  }
  return { bytes, faults, unneeded: { count: unneeded, bytes: unneededBytes } };
}

/** Sums up files that only take room. */
async function remark(
  kind: 'unneeded' | 'unfinished' | 'leftover',
  where: string,
  paths: readonly string[],
  what: (count: number) => string,
): Promise<readonly StoreFinding[]> {
  if (paths.length === 0) return [];
  let bytes = 0;
  for (const path of paths) bytes += (await sizeOf(path)) ?? 0;
  return [{ kind, where, images: [], bytes, problem: what(paths.length) }];
}

function examineDropped(store: Store, { dropped, lost }: Dropped): readonly StoreFinding[] {
  const count = dropped.size - lost.size;
  if (count === 0) return [];
  const problem = `${plural(count, 'blob')} of unpacked layers dropped, and fetched again where needed`;
  return [{ kind: 'dropped', where: join(store.root, STORE_NAME.dropped), images: [], bytes: 0, problem }];
}

/** Looks at unpacked layers: their names, and the records of their entries. */
async function examineLayers(store: Store): Promise<{ findings: StoreFinding[]; leftovers: string[] }> {
  const findings: StoreFinding[] = [];
  const leftovers: string[] = [];
  for (const key of (await namesIn(store.layers)).filter((name) => LAYERS_KEY.test(name))) {
    const folder = join(store.layers, key);
    for (const name of await namesIn(folder)) {
      const path = join(folder, name);
      if (name.startsWith(TEMPORARY_PREFIX)) leftovers.push(path);
      if (!LAYER_CHAIN.test(name) || (await lstat(path).catch(() => undefined))?.isDirectory() !== false) continue;
      findings.push({ kind: 'layer-broken', where: path, images: [], bytes: 0, problem: 'it is not a directory' });
    }
    const entries = join(store.root, STORE_NAME.entries, key);
    for (const path of (await namesIn(entries)).map((name) => join(entries, name))) {
      if (!LAYER_CHAIN.test(path.slice(entries.length + 1))) leftovers.push(path);
      else if (!hasKeptEntries(path)) {
        const problem = 'what was recorded of the entries of a layer is damaged';
        findings.push({ kind: 'record-damaged', where: path, images: [], bytes: 0, problem });
      }
    }
  }
  return { findings, leftovers };
}

/**
 * Reads all of a store that can be checked: the list of images, every document and blob that they need, unfinished
 * downloads, unpacked layers as far as they are recorded. Nothing is changed. The caller sees to it that nothing is
 * swept meanwhile.
 * @throws FILESYSTEM
 */
export async function examineStore(store: Store, context: Context): Promise<Examination> {
  const { digests, strangers } = await blobFiles(store);
  const list = await examineList(store, digests.length);
  const images = list === undefined ? await listStored(store) : [];
  const needed = await neededBlobs(store, images);
  const dropped = new Set(await listDropped(store));
  const lost = await lostLayers(store, images, dropped, context);
  const read = await readBlobs(store, digests, needed, { dropped, lost, ...context });
  const { findings: layers, leftovers } = await examineLayers(store);
  const partial = (await namesIn(store.partial)).filter((name) => !PARTIAL_BLOB.test(name));
  const unfinished = (await listUnfinished(store.partial)).map(({ name }) => join(store.partial, name));
  const left = [...leftovers, ...partial.map((name) => join(store.partial, name))];
  const { count, bytes } = read.unneeded;
  // The blobs that a damaged document names are unknown, so that nothing can be called garbage.
  const isUnknown =
    list !== undefined ||
    needed.findings.length > 0 ||
    read.faults.some(({ blob }) => isManifestOrIndex(blob.mediaType));
  const garbage: StoreFinding = {
    kind: 'unneeded',
    where: join(store.root, LAYOUT.blobs),
    images: [],
    bytes,
    problem: `no image needs ${plural(count, 'blob')}`,
  };
  return {
    images,
    blobs: digests.length,
    bytes: read.bytes,
    blobFaults: read.faults,
    findings: [
      ...(list === undefined ? [] : [list]),
      ...needed.findings,
      ...read.faults,
      ...layers,
      ...examineDropped(store, { dropped, lost }),
      ...(await examineStrangers(strangers)),
      ...(count > 0 && !isUnknown ? [garbage] : []),
      ...(await remark('unfinished', store.partial, unfinished, (n) => `${plural(n, 'download')} cut short`)),
      ...(await remark('leftover', store.root, left, (n) => `${plural(n, 'leftover')} of killed processes`)),
    ],
  };
}

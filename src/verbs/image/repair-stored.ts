import { existsSync, statSync } from 'node:fs';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { openerOf, openFrom } from '../../image/open-from.ts';
import type { Source } from '../../image/source.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { MAX_DOCUMENT_BYTES } from '../../oci/document.ts';
import { parseImageIndex } from '../../oci/image-index.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { documentKindOf, isManifestOrIndex } from '../../oci/media-type.ts';
import { formatFamiliar, formatReference, parseReference, type Reference } from '../../oci/reference.ts';
import { parseSourceSpec } from '../../sources/parse-spec.ts';
import { openStoreSource } from '../../sources/store.ts';
import { verifyBlob } from '../../store/blobs.ts';
import { droppedFrom, forgetReturned } from '../../store/dropped.ts';
import { writeBlob } from '../../store/intake.ts';
import { blobPath } from '../../store/layout-names.ts';
import { listStored } from '../../store/names.ts';
import { type Store, storeAt } from '../../store/open.ts';
import { readLayoutFile } from '../../store/read-layout-file.ts';
import { storedNameOrNone } from './stored-names.ts';

/** Options of `withRepair`. */
export interface RepairOptions extends Context {
  readonly storeRoot: string;
  /** Opens a registry to fetch damaged blobs from; absent where nothing may be fetched. */
  readonly openRegistry?: ((reference: Reference) => Source) | undefined;
}

/** The errors of reading damaged bytes: decompression often fails before the digest is compared. */
const DAMAGE: ReadonlySet<string> = new Set([
  'BLOB_NOT_FOUND',
  'DIGEST_MISMATCH',
  'SIZE_MISMATCH',
  'DIFF_ID_MISMATCH',
  'COMPRESSION_INVALID',
  'DOCUMENT_INVALID',
  'TAR_INVALID',
]);

/** Where blobs are fetched from. */
export interface FetchOptions extends Context {
  readonly references: readonly Reference[];
  readonly openRegistry: (reference: Reference) => Source;
}

/**
 * Fetches blobs into the store, from the first repository that has them all.
 * @throws what the last repository fails with
 */
export async function fetchAgain(
  store: Store,
  blobs: readonly Descriptor[],
  { references, openRegistry, signal, onEvent }: FetchOptions,
): Promise<void> {
  let failure: unknown;
  for (const reference of references) {
    const registry = openRegistry(reference);
    try {
      for (const blob of blobs) {
        const opener = openerOf(registry, blob);
        await writeBlob(store, blob, (offset) => openFrom(opener, offset, signal), { signal, onEvent });
        await forgetReturned(store, blob.digest);
      }
      return;
    } catch (error) {
      signal?.throwIfAborted();
      failure = error;
    } finally {
      await registry.close();
    }
  }
  throw failure;
}

/** The entries that an operand means: those of all platforms of a name, or the one that it resolves to. */
async function entriesOf(
  source: Source,
  store: Store,
  wanted: string,
  signal?: AbortSignal,
): Promise<readonly Descriptor[]> {
  const complete = storedNameOrNone(wanted);
  const named = (await listStored(store)).filter(({ name }) => name !== undefined && name === complete);
  if (named.length > 0) return named.map(({ descriptor }) => descriptor);
  const resolved = await source.resolve(wanted, signal);
  return resolved === undefined ? [] : [resolved];
}

/** Mends a manifest and its blobs, or an index and those of its images that are there. */
async function mendTree(
  store: Store,
  root: Descriptor,
  mend: (blobs: readonly Descriptor[]) => Promise<boolean>,
): Promise<boolean> {
  const isMended = await mend([root]);
  const path = blobPath(store.root, root.digest);
  const bytes = await readLayoutFile(path, Math.max(root.size, MAX_DOCUMENT_BYTES));
  if (bytes === undefined) return isMended;
  if (documentKindOf(root.mediaType) !== 'index') {
    const { config, layers } = parseManifest(bytes, root.mediaType, path);
    return (await mend([config, ...layers])) || isMended;
  }
  let any = isMended;
  for (const child of parseImageIndex(bytes, root.mediaType, path).manifests) {
    const isDocument = isManifestOrIndex(child.mediaType) && existsSync(blobPath(store.root, child.digest));
    if (isDocument && child.digest !== root.digest) any = (await mendTree(store, child, mend)) || any;
  }
  return any;
}

/**
 * Verifies all blobs of an image in the store, moves damaged ones away, and fetches them again where this is allowed.
 * Returns whether blobs were fetched.
 * @throws DIGEST_MISMATCH, BLOB_NOT_FOUND with a hint where nothing may be fetched; what the registry fails with
 */
async function repair(wanted: string, options: RepairOptions, cause: TsimgError): Promise<boolean> {
  const { storeRoot, openRegistry, signal, onEvent } = options;
  const store = storeAt(storeRoot);
  // Nothing of the store is swept while the source is open.
  const source = await openStoreSource(storeRoot, signal);
  try {
    const entries = await entriesOf(source, store, wanted, signal);
    const digests = new Set(entries.map(({ digest }) => digest));
    const names = (await listStored(store)).filter(({ descriptor }) => digests.has(descriptor.digest));
    const all = names.flatMap(({ name }) => (name === undefined ? [] : [parseReference(name)]));
    // Credentials that the caller gave may only go to the registry that the operand names.
    const named = all.filter((reference) => formatReference(reference) === storedNameOrNone(wanted));
    const isOneRegistry = new Set(all.map(({ registry }) => registry)).size === 1;
    const references = named.length > 0 ? named : isOneRegistry ? all : [];
    const mend = async (blobs: readonly Descriptor[]): Promise<boolean> => {
      const bad: Descriptor[] = [];
      let isDamaged = false;
      for (const blob of blobs) {
        const state = await verifyBlob(store, blob, signal);
        // A dropped blob is not lost: it comes back when it is read.
        if (state === 'missing' && (await droppedFrom(store, blob.digest)) !== undefined) continue;
        if (state !== 'right') bad.push(blob);
        if (state === 'damaged') isDamaged = true;
      }
      if (bad.length === 0) return false;
      const lost = bad.map(({ digest }) => digest);
      const where = `${wanted} in ${storeRoot}`;
      if (openRegistry === undefined || references.length === 0) {
        throw beyondRepair({ where, digests: lost, isDamaged, reference: references[0] }, cause);
      }
      const from = references.map(formatReference).join(', ');
      const problem = `${lost.join(', ')} is ${isDamaged ? 'damaged' : 'missing'}`;
      const message = `${where}: ${problem}, and is fetched again from ${from}`;
      onEvent?.({ kind: 'warning', message });
      await fetchAgain(store, bad, { references, openRegistry, signal, onEvent });
      return true;
    };
    let isMended = false;
    for (const entry of entries) isMended = (await mendTree(store, entry, mend)) || isMended;
    return isMended;
  } finally {
    await source.close();
  }
}

interface Damage {
  readonly where: string;
  readonly digests: readonly string[];
  /** Whether a blob has other bytes than it had; else all of them are missing. */
  readonly isDamaged: boolean;
  /** A name by which the image can be pulled again; undefined for none. */
  readonly reference: Reference | undefined;
}

function beyondRepair({ where, digests, isDamaged, reference }: Damage, cause: TsimgError): TsimgError {
  const again =
    reference === undefined
      ? 'load the image again from its archive'
      : `fetch it again (tsimg store check --repair, or tsimg pull ${formatFamiliar(reference)}), ` +
        'or load it again if it came from an archive';
  const options = { where, hint: again, facts: { digests }, cause };
  if (!isDamaged) {
    const why = `${digests.join(', ')} does not exist`;
    return new TsimgError('BLOB_NOT_FOUND', 'a blob of the image is missing in the store', { ...options, why });
  }
  const why = `${digests.join(', ')} has changed on disk, and was moved away`;
  return new TsimgError('DIGEST_MISMATCH', 'the image is damaged in the store', { ...options, why });
}

/** Returns the operand where it names an image of the store; undefined for another source, such as a file. */
function storedName(text: string): string | undefined {
  const spec = parseSourceSpec(text);
  if (spec.kind === 'store') return spec.name;
  if (spec.kind !== 'word' || statSync(spec.text, { throwIfNoEntry: false })?.isFile()) return undefined;
  return spec.text;
}

function mayBeDamage(error: unknown): error is TsimgError {
  if (!(error instanceof TsimgError)) return false;
  // File errors count where the disk fails (EIO), or where something else is in the file's place (no errno).
  return DAMAGE.has(error.code) || (error.code === 'FILESYSTEM' && [undefined, 'EIO'].includes(errnoOf(error)));
}

/**
 * Runs an action on images (any SOURCE). Where it fails because the store's copy is damaged, the copy is mended and the
 * action is run once more. An action that may leave something behind when it fails must not be given `openRegistry`.
 * @throws DIGEST_MISMATCH, BLOB_NOT_FOUND with a hint where the copy cannot be mended; what the action throws
 */
export async function withRepair<T>(
  texts: readonly string[],
  options: RepairOptions,
  action: () => Promise<T>,
): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!mayBeDamage(error)) throw error;
    options.signal?.throwIfAborted();
    let isMended = false;
    for (const name of texts.flatMap((text) => storedName(text) ?? [])) {
      if (await repair(name, options, error)) isMended = true;
    }
    if (!isMended) throw error;
    return await action();
  }
}

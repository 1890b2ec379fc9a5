import { rm } from 'node:fs/promises';
import { messageOf, TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import type { Source } from '../../image/source.ts';
import { formatReference, parseReference, type Reference } from '../../oci/reference.ts';
import { optionWords } from '../../option-words.ts';
import { plural } from '../../plural.ts';
import { verifyBlob } from '../../store/blobs.ts';
import { openStore, type Store, storeAt, storeExists } from '../../store/open.ts';
import { sweep } from '../../store/sweep.ts';
import { acquireLock } from '../../sys/file/lock.ts';
import { fetchAgain } from '../image/repair-stored.ts';
import { sweepUnpacked } from '../layers/sweep-unpacked.ts';
import { type Examination, examineStore } from './examine-store.ts';
import { type BlobFault, FINDING_KINDS, type StoreFinding } from './finding.ts';
import { rebuildList } from './rebuild-list.ts';

/** Options of `checkStore`. */
export interface CheckStoreOptions {
  readonly storeRoot: string;
  /** Whether damage is mended as far as possible, and garbage removed. */
  readonly repair?: boolean | undefined;
  /** Opens a registry to fetch damaged blobs from; absent where nothing may be fetched. */
  readonly openRegistry?: ((reference: Reference) => Source) | undefined;
}

/** The result of a check. Sizes are bytes. */
export interface StoreCheck {
  readonly root: string;
  readonly images: number;
  readonly blobs: number;
  /** Bytes of the blobs that were read. */
  readonly bytes: number;
  readonly findings: readonly StoreFinding[];
  /** Whether there is no fault that was not mended. */
  readonly isClean: boolean;
}

/** A document that was fetched leads to further blobs that may be missing; an index leads to manifests. */
const MAX_ROUNDS = 5;

const isFault = ({ kind, healed }: StoreFinding): boolean => FINDING_KINDS[kind] === 'fault' && healed === undefined;

/** The repositories that the images of a blob came from, by their names. */
function referencesOf({ images }: StoreFinding): readonly Reference[] {
  return images.flatMap((name) => (/^sha(?:256|512):/.test(name) ? [] : [parseReference(name)]));
}

/** A finding as it is told. */
function told({ kind, where, images, bytes, problem, healed }: StoreFinding): StoreFinding {
  return { kind, where, images, bytes, problem, healed };
}

/** Moves a damaged blob away and fetches it; returns what was done, or why nothing could be. */
async function mendBlob(
  store: Store,
  fault: BlobFault,
  { openRegistry, signal, onEvent }: CheckStoreOptions & Context,
): Promise<StoreFinding> {
  try {
    await verifyBlob(store, fault.blob, signal);
    if (fault.isOrigin)
      return { ...fault, healed: 'moved away: the image does without it, and the next pull fetches it' };
    const references = referencesOf(fault);
    if (openRegistry === undefined || references.length === 0) {
      return { ...fault, problem: `${fault.problem}, and no name tells a registry to fetch it from` };
    }
    await fetchAgain(store, [fault.blob], { references, openRegistry, signal, onEvent });
    return { ...fault, healed: `fetched from ${references.map(formatReference).join(' or ')}` };
  } catch (error) {
    signal?.throwIfAborted();
    return { ...fault, problem: `${fault.problem}, and it cannot be fetched: ${messageOf(error)}` };
  }
}

/** Mends a fault that lies in no blob. */
async function mendOther(store: Store, finding: StoreFinding, signal?: AbortSignal): Promise<StoreFinding> {
  switch (finding.kind) {
    case 'list-missing':
    case 'list-damaged': {
      const { images, named } = await rebuildList(store, signal);
      const made = `made again with ${plural(images, 'image')}, ${named} of them with a name`;
      const others = `; ${optionWords('name the others (tsimg tag) before the next prune, which removes images without a name')}`;
      return { ...finding, healed: named === images ? made : `${made}${others}` };
    }
    case 'record-damaged':
    case 'layer-broken':
      await rm(finding.where, { force: true });
      return { ...finding, healed: 'removed' };
    default:
      return finding;
  }
}

/** Examines the store while nothing can be swept. */
async function examine(store: Store, context: Context): Promise<Examination> {
  await using _lock = await acquireLock(store.blobsLock, 'shared', context);
  return await examineStore(store, context);
}

async function mendAll(store: Store, options: CheckStoreOptions & Context): Promise<readonly StoreFinding[]> {
  await using _lock = await acquireLock(store.blobsLock, 'shared', options);
  const mended: StoreFinding[] = [];
  const tried = new Set<string>();
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const { findings, blobFaults } = await examineStore(store, options);
    const faults = findings.filter((finding) => isFault(finding) && !tried.has(finding.where));
    if (faults.length === 0) break;
    for (const finding of faults) {
      tried.add(finding.where);
      const inBlob = blobFaults.find((fault) => fault === finding);
      mended.push(
        inBlob === undefined ? await mendOther(store, finding, options.signal) : await mendBlob(store, inBlob, options),
      );
    }
  }
  return mended;
}

/** Removes garbage, where no other process uses the store. */
async function removeGarbage(store: Store, context: Context): Promise<void> {
  await sweepUnpacked(store, { endedContainers: false }, context);
  await sweep(store);
}

/**
 * Checks the store: reads every blob that an image needs, and looks at the list of images, at documents and what they
 * lead to, at unfinished downloads and at unpacked layers. With `repair`, damaged blobs are moved away and fetched from
 * the registry that the image's name tells, a lost list of images is made again, and garbage is removed, but not in the
 * run that made a list. Unfinished downloads stay: the next pull goes on with them. Where there is no store, a warning
 * says so.
 * @throws STORE_INVALID where there is another thing than a store; FILESYSTEM
 * @example
 * const { isClean, findings } = await checkStore({ storeRoot: '/var/lib/tsimg' });
 */
export async function checkStore(options: CheckStoreOptions, context: Context = {}): Promise<StoreCheck> {
  const { storeRoot, repair = false } = options;
  const nothing = { root: storeRoot, images: 0, blobs: 0, bytes: 0, findings: [], isClean: true };
  if (!(await storeExists(storeRoot))) {
    context.onEvent?.({ kind: 'warning', message: `there is no store at ${storeRoot} yet` });
    return nothing;
  }
  const store = storeAt(storeRoot);
  const mended = repair ? await mendAll(store, { ...options, ...context }) : [];
  if (repair) {
    await openStore(storeRoot, context.signal);
    // A new list may lack an image whose manifest was lost: what only that one needs looks like garbage.
    const isRebuilt = mended.some(({ kind }) => kind === 'list-missing' || kind === 'list-damaged');
    if (!isRebuilt && !mended.some(isFault)) await removeGarbage(store, context);
  }
  const { images, blobs, bytes, findings } = await examine(store, context);
  // A fault that could not be mended was told with the reason.
  const known = new Set(mended.map(({ where }) => where));
  const others = findings.filter(({ where, kind }) => FINDING_KINDS[kind] === 'remark' || !known.has(where));
  const all = [...mended, ...others].map(told);
  return { root: storeRoot, images: images.length, blobs, bytes, findings: all, isClean: !all.some(isFault) };
}

/** The error for a store that is not clean. */
export function storeDamaged({ root, findings }: StoreCheck, repaired: boolean): TsimgError {
  const faults = findings.filter(isFault);
  return new TsimgError('STORE_DAMAGED', 'the store is damaged', {
    where: root,
    why: plural(faults.length, 'fault'),
    hint: repaired
      ? 'tsimg pull or tsimg load brings an image again, tsimg rmi removes it'
      : 'tsimg store check --repair mends what can be mended',
    facts: { faults: faults.length },
  });
}

import { digestOf } from '../../crypto/digest.ts';
import { messageOf, TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { probeHost } from '../../host/facts/probe.ts';
import { endProcesses } from '../../host/state/end-processes.ts';
import { recordContainerEvent } from '../../host/state/events-file.ts';
import { tryReadRecord } from '../../host/state/record.ts';
import { loadMembersOf } from '../../image/load-members.ts';
import type { HostFacts } from '../../launch/facts/host-facts.ts';
import { chainIds } from '../../oci/chain-id.ts';
import { hexOf } from '../../oci/digest.ts';
import { openStoreSource } from '../../sources/store.ts';
import { namesIn } from '../../store/list-folder.ts';
import { listStored } from '../../store/names.ts';
import type { Store } from '../../store/open.ts';
import { type ContainerRules, type Trash, trashGarbage, trashLeftovers } from '../../store/trash.ts';
import { tryLock } from '../../sys/file/lock.ts';

/** The unpacked layers and containers that were removed, and the bytes that this freed. */
export interface UnpackedReport {
  readonly layers: number;
  /** Leftovers of containers whose tsimg process was killed; with `endedContainers` ended containers too. */
  readonly containers: number;
  readonly bytes: number;
}

/** Options of `sweepUnpacked`. */
export interface SweepOptions {
  /** Removes containers that have ended too. */
  readonly endedContainers: boolean;
  /** `all` keeps all layers, for a store whose list of images cannot be read. */
  readonly needed?: 'all' | undefined;
}

/** The most leftovers that a run removes before it starts, because the user waits. */
const LEFTOVERS_PER_RUN = 8;

/** Returns the chain IDs of all images of the store. An image that cannot be read cannot be run, and needs none. */
async function neededChains(store: Store, { signal }: Context): Promise<ReadonlySet<string>> {
  const needed = new Set<string>();
  const source = await openStoreSource(store.root, signal);
  try {
    for (const { descriptor } of await listStored(store)) {
      try {
        for (const { config } of await loadMembersOf(source, descriptor, { signal })) {
          for (const id of chainIds(config.diffIds, digestOf)) needed.add(hexOf(id));
        }
      } catch (error) {
        if (!(error instanceof TsimgError)) throw error;
      }
    }
  } finally {
    await source.close();
  }
  return needed;
}

/**
 * Ends the processes of a container before it is removed: where this fails, the container stays, with a warning. Records
 * the container's end as an event.
 */
function containerRules({ containers }: Store, { onEvent }: Context): ContainerRules {
  return {
    endProcesses: async (container) => {
      try {
        await endProcesses(container);
        return true;
      } catch (error) {
        if (!(error instanceof TsimgError)) throw error;
        onEvent?.({
          kind: 'warning',
          message: error.hint === undefined ? error.message : `${error.message}; ${error.hint}`,
        });
        return false;
      }
    },
    onTrashed: (directory) => {
      const record = tryReadRecord(directory);
      if (record !== undefined) recordContainerEvent(containers, record, 'destroy');
    },
  };
}

async function emptyTrash(trash: Trash, facts: () => HostFacts, context: Context): Promise<UnpackedReport> {
  const { paths, layers, containers } = trash;
  if (paths.length === 0) return { layers: 0, containers: 0, bytes: 0 };
  const { removeTrees } = await import('../helper/remove-trees.ts');
  return { layers, containers, bytes: await removeTrees(paths, facts(), context) };
}

/**
 * Removes the unpacked layers that no image of the store and no container needs, and leftovers of killed runs; with
 * `endedContainers` all containers that are not running. Trees that cannot be removed are reported by warnings.
 * Undefined where another process sweeps or makes a container: a later sweep removes the rest.
 * @throws FILESYSTEM, STORE_INVALID, DOCUMENT_INVALID, HOST_UNSUPPORTED, LAUNCH_FAILED
 */
export async function sweepUnpacked(
  store: Store,
  { endedContainers, needed }: SweepOptions,
  context: Context,
): Promise<UnpackedReport | undefined> {
  await using lock = await tryLock(store.sweepLock, 'exclusive');
  if (lock === undefined) return undefined;
  const trash = await trashGarbage(store, needed ?? (await neededChains(store, context)), {
    ended: endedContainers,
    ...containerRules(store, context),
  });
  return trash && emptyTrash(trash, probeHost, context);
}

/** Removes some leftovers of killed runs. A failure is a warning. @throws an AbortError on `signal` only */
export async function sweepLeftovers(store: Store, facts: HostFacts, context: Context): Promise<void> {
  try {
    if ((await namesIn(store.containers)).length === 0) return;
    await using lock = await tryLock(store.sweepLock, 'exclusive');
    const trash = lock && (await trashLeftovers(store, LEFTOVERS_PER_RUN, containerRules(store, context)));
    if (trash !== undefined) await emptyTrash(trash, () => facts, context);
  } catch (error) {
    context.signal?.throwIfAborted();
    const message = `leftovers of an earlier container were not removed: ${messageOf(error)}`;
    context.onEvent?.({ kind: 'warning', message });
  }
}

import { closeSync, constants, openSync } from 'node:fs';
import { followedPlaces } from '../../disk/scan/followed-places.ts';
import { layerEntries } from '../../disk/scan/layer-entries.ts';
import { type UpperChange, upperChanges } from '../../disk/scan/upper-changes.ts';
import { pathText } from '../../rootfs/path.ts';
import { createByteBudget, type ExpansionLimits } from '../../streams/byte-budget.ts';
import type { TarEntryToWrite } from '../../tar/write/tar-chunks.ts';
import type { LayersRequest, ListedChange } from './file-request.ts';

/**
 * Opens the directories of the layers until disposed of. Their paths are the store's: a container cannot change them.
 */
function openLayers({ upper, lowers }: LayersRequest) {
  const fds = [upper, ...lowers].map((path) => openSync(path, constants.O_RDONLY | constants.O_DIRECTORY));
  const [first = -1, ...rest] = fds;
  return { upper: first, lowers: rest, [Symbol.dispose]: () => fds.forEach(closeSync) };
}

function changesOf(upper: number, lowers: readonly number[], request: LayersRequest): readonly UpperChange[] {
  const mountPlaces = followedPlaces([upper, ...lowers], request.mountPlaces, request.form);
  return upperChanges(upper, lowers, { ...request.form, mountPlaces });
}

/**
 * Returns what a container changed, in the byte order of the paths.
 * @throws FILESYSTEM, FORMAT_UNSUPPORTED, LIMIT_EXCEEDED
 */
export function listChanges(request: LayersRequest): readonly ListedChange[] {
  using layers = openLayers(request);
  return changesOf(layers.upper, layers.lowers, request)
    .filter(({ shown }) => shown)
    .map(({ kind, path }) => ({ kind, path }))
    .sort((one, other) => (one.path < other.path ? -1 : 1));
}

/** Sends a container's changes as the entries of a layer. @throws as `layerEntries`; what `send` throws */
export async function writeLayer(
  request: LayersRequest & { readonly limits: ExpansionLimits },
  warn: (message: string) => void,
  send: (entries: AsyncIterable<TarEntryToWrite>) => Promise<void>,
): Promise<void> {
  using layers = openLayers(request);
  const changes = changesOf(layers.upper, layers.lowers, request);
  const budget = createByteBudget(request.limits);
  const onSkipped = (path: string) => warn(`/${pathText(path)} is a socket, which a layer cannot hold: it is left out`);
  await send(layerEntries(layers.upper, changes, { budget, onSkipped }));
}

import { closeSync, constants, openSync } from 'node:fs';
import { clampTimes } from '../../disk/scan/clamp-times.ts';
import { followedPlaces } from '../../disk/scan/followed-places.ts';
import { layerEntries } from '../../disk/scan/layer-entries.ts';
import { readPassedBase } from '../../disk/scan/passed-base.ts';
import { treeChanges } from '../../disk/scan/tree-changes.ts';
import { type UpperChange, upperChanges } from '../../disk/scan/upper-changes.ts';
import { pathText } from '../../rootfs/path.ts';
import { createByteBudget } from '../../streams/byte-budget.ts';
import type { TarEntryToWrite } from '../../tar/write/tar-chunks.ts';
import type { ChangesSource, LayerRequest, ListedChange } from './file-request.ts';

/** The changes of a container, and the directory that has what is there now. */
interface Changes {
  readonly changes: readonly UpperChange[];
  readonly directory: number;
}

function readChanges([top = -1, ...lowers]: readonly number[], source: ChangesSource): Promise<Changes> | Changes {
  if (source.kind === 'copy') return readCopy(top, source);
  const { form } = source;
  const mountPlaces = followedPlaces(source.mountPlaces, { layers: [top, ...lowers], form });
  return { changes: upperChanges(top, lowers, { ...form, mountPlaces }), directory: top };
}

async function readCopy(directory: number, source: Extract<ChangesSource, { kind: 'copy' }>): Promise<Changes> {
  const changes = await treeChanges(directory, {
    ...source.form,
    base: readPassedBase(source.folded),
    mountPlaces: followedPlaces(source.mountPlaces, directory),
    withRoot: true,
    withSockets: true,
    onSkipped: () => {},
  });
  return { changes, directory };
}

/**
 * Finds a container's changes, and does something with them. The paths of its directories are the store's: a container
 * cannot change them.
 */
async function withChanges<T>(source: ChangesSource, use: (changes: Changes) => Promise<T> | T): Promise<T> {
  const paths = source.kind === 'copy' ? [source.root] : [source.upper, ...source.lowers];
  const fds = paths.map((path) => openSync(path, constants.O_RDONLY | constants.O_DIRECTORY));
  try {
    return await use(await readChanges(fds, source));
  } finally {
    fds.forEach(closeSync);
  }
}

/**
 * Returns what a container changed, in the byte order of the paths.
 * @throws FILESYSTEM, FORMAT_UNSUPPORTED, LIMIT_EXCEEDED
 */
export function listChanges(source: ChangesSource): Promise<readonly ListedChange[]> {
  return withChanges(source, ({ changes }) =>
    changes
      .filter(({ shown }) => shown)
      .map(({ kind, path }) => ({ kind, path }))
      .sort((one, other) => (one.path < other.path ? -1 : 1)),
  );
}

/** Sends a container's changes as the entries of a layer. @throws as `layerEntries`; what `send` throws */
export async function writeLayer(
  { of, limits, newest }: LayerRequest,
  warn: (message: string) => void,
  send: (entries: AsyncIterable<TarEntryToWrite>) => Promise<void>,
): Promise<void> {
  const budget = createByteBudget(limits);
  const onSkipped = (path: string) => warn(`/${pathText(path)} is a socket, which a layer cannot hold: it is left out`);
  await withChanges(of, ({ changes, directory }) =>
    send(clampTimes(layerEntries(directory, changes, { budget, onSkipped }), newest)),
  );
}

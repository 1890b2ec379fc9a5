import type { LayerEntries, LayerEntry } from '../rootfs/outcome.ts';
import type { TarEntryKind } from '../tar/header.ts';

/**
 * Entries on their way from one thread to another: a few large values, since copying an object for each entry takes
 * longer than reading the archive did.
 */
export interface PackedEntries {
  readonly count: number;
  /** `COLUMNS` for each entry. */
  readonly numbers: Float64Array<ArrayBuffer>;
  /** Paths and targets of links, one behind the other. */
  readonly text: string;
  /** Of the entries that have any, by their index. */
  readonly xattrs: readonly (readonly [index: number, attributes: readonly (readonly [string, Uint8Array])[]])[];
}

const KINDS: readonly TarEntryKind[] = [
  'file',
  'hardlink',
  'symlink',
  'directory',
  'character-device',
  'block-device',
  'fifo',
];
const COLUMNS = 13;
const NO_BODY = -1;
const NO_XATTRS: ReadonlyMap<string, Buffer> = new Map();

/** @param batch entries that are packed together at most */
export function* packEntries(entries: LayerEntries, batch: number): Generator<PackedEntries, void, undefined> {
  let some: LayerEntry[] = [];
  for (const entry of entries) {
    some.push(entry);
    if (some.length < batch) continue;
    yield packBatch(some);
    some = [];
  }
  if (some.length > 0) yield packBatch(some);
}

function packBatch(entries: readonly LayerEntry[]): PackedEntries {
  const numbers = new Float64Array(entries.length * COLUMNS);
  const text: string[] = [];
  const xattrs: [number, [string, Uint8Array][]][] = [];
  for (const [index, { header, body }] of entries.entries()) {
    const { path, linkPath, mtime } = header;
    numbers.set(
      [
        KINDS.indexOf(header.kind),
        path.length,
        linkPath.length,
        header.mode,
        header.uid,
        header.gid,
        header.size,
        mtime.seconds,
        mtime.nanoseconds,
        header.deviceMajor,
        header.deviceMinor,
        header.offset,
        body ?? NO_BODY,
      ],
      index * COLUMNS,
    );
    text.push(path, linkPath);
    if (header.xattrs.size > 0) xattrs.push([index, [...header.xattrs]]);
  }
  return { count: entries.length, numbers, text: text.join(''), xattrs };
}

/** The same entries as were packed, made when they are gone through: packed they take a third of the memory. */
export function unpackEntries(batches: readonly PackedEntries[]): LayerEntries {
  return {
    length: batches.reduce((sum, { count }) => sum + count, 0),
    *[Symbol.iterator]() {
      for (const batch of batches) yield* unpackBatch(batch);
    },
  };
}

function* unpackBatch({ count, numbers, text, xattrs }: PackedEntries): Generator<LayerEntry, void, undefined> {
  const attributes = new Map(xattrs);
  let at = 0;
  const take = (length: number): string => {
    at += length;
    return text.slice(at - length, at);
  };
  for (let index = 0; index < count; index++) {
    const number = (column: number): number => numbers[index * COLUMNS + column] ?? 0;
    const own = attributes.get(index);
    const body = number(12);
    yield {
      header: {
        kind: KINDS[number(0)] ?? 'file',
        path: take(number(1)),
        linkPath: take(number(2)),
        mode: number(3),
        uid: number(4),
        gid: number(5),
        size: number(6),
        mtime: { seconds: number(7), nanoseconds: number(8) },
        deviceMajor: number(9),
        deviceMinor: number(10),
        offset: number(11),
        xattrs: own === undefined ? NO_XATTRS : new Map(own.map(([name, value]) => [name, Buffer.from(value)])),
      },
      body: body === NO_BODY ? undefined : body,
    };
  }
}

import type { Body, Bucket } from '../../rootfs/body.ts';
import type { LayerEntries, LayerEntry } from '../../rootfs/fold/outcome.ts';
import type { TarEntryKind } from '../../tar/header.ts';

/**
 * Entries on their way from one thread to another: a few large values, because copying an object for each entry takes
 * longer than reading the archive.
 */
export interface PackedEntries {
  readonly count: number;
  /** `COLUMNS` for each entry. */
  readonly numbers: Float64Array<ArrayBuffer>;
  /** Paths and targets of links, concatenated. */
  readonly text: string;
  /** Buckets that no earlier batch has. Columns name a bucket by its place in the buckets of all batches. */
  readonly buckets: readonly Bucket[];
  /** The xattrs of entries that have any, by the index of the entry. */
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
const COLUMNS = 14;
const NO_BODY = -1;
const NO_BUCKET = -1;
const NO_XATTRS: ReadonlyMap<string, Buffer> = new Map();

/** Packs entries into batches. @param batch entries of one batch at most */
export function* packEntries(entries: LayerEntries, batch: number): Generator<PackedEntries, void, undefined> {
  const places = new Map<Bucket, number>();
  let some: LayerEntry[] = [];
  for (const entry of entries) {
    some.push(entry);
    if (some.length < batch) continue;
    yield packBatch(some, places);
    some = [];
  }
  if (some.length > 0) yield packBatch(some, places);
}

/** @param places of the buckets of all batches; the new ones are added */
function packBatch(entries: readonly LayerEntry[], places: Map<Bucket, number>): PackedEntries {
  const numbers = new Float64Array(entries.length * COLUMNS);
  const buckets: Bucket[] = [];
  const placeOf = (bucket: Bucket): number => {
    let place = places.get(bucket);
    if (place === undefined) {
      place = places.size;
      places.set(bucket, place);
      buckets.push(bucket);
    }
    return place;
  };
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
        body === undefined || body.bucket !== undefined ? NO_BODY : Number(body.name),
        body?.bucket === undefined ? NO_BUCKET : placeOf(body.bucket),
      ],
      index * COLUMNS,
    );
    text.push(path, linkPath);
    if (header.xattrs.size > 0) xattrs.push([index, [...header.xattrs]]);
  }
  return { count: entries.length, numbers, text: text.join(''), buckets, xattrs };
}

/** Returns the packed entries. They are made anew on each iteration, because packed they take a third of the memory. */
export function unpackEntries(batches: readonly PackedEntries[]): LayerEntries {
  const buckets = batches.flatMap((batch) => batch.buckets);
  return {
    length: batches.reduce((sum, { count }) => sum + count, 0),
    *[Symbol.iterator]() {
      for (const batch of batches) yield* unpackBatch(batch, buckets);
    },
  };
}

function bodyOf(number: number, bucket: Bucket | undefined, path: string): Body | undefined {
  if (bucket !== undefined) return { bucket, name: path.slice(path.lastIndexOf('/') + 1) };
  return number === NO_BODY ? undefined : { bucket, name: String(number) };
}

/** Returns the same number as a small integer, where it is one: V8 makes another, larger kind of object for floats. */
function asSmall(number: number): number {
  const small = number | 0;
  return small === number ? small : number;
}

function* unpackBatch(
  { count, numbers, text, xattrs }: PackedEntries,
  buckets: readonly Bucket[],
): Generator<LayerEntry, void, undefined> {
  const attributes = new Map(xattrs);
  let at = 0;
  const take = (length: number): string => {
    at += length;
    return text.slice(at - length, at);
  };
  for (let index = 0; index < count; index++) {
    const number = (column: number): number => asSmall(numbers[index * COLUMNS + column] ?? 0);
    const own = attributes.get(index);
    const path = take(number(1));
    yield {
      header: {
        kind: KINDS[number(0)] ?? 'file',
        path,
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
      body: bodyOf(number(12), buckets[number(13)], path),
    };
  }
}

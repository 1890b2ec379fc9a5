import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { digestOf } from '../../crypto/digest.ts';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { LayerEntries } from '../../rootfs/fold/outcome.ts';
import { replaceFileSync } from '../../sys/file/replace-file-sync.ts';
import { attempt } from '../directory/check.ts';
import { type PackedEntries, packEntries, unpackEntries } from './pack-entries.ts';

// The entries of a layer are kept in a file: a layer on top of it is folded without decompressing this layer again.

const BATCH = 10_000;
/** More entries would take too much memory: the layer is read again instead. */
const MAX_KEPT = 200_000;

type Numbers = readonly number[];

/** `PackedEntries` as JSON, without bodies: these are files of the layer directory by now. */
interface KeptBatch {
  readonly count: number;
  readonly numbers: Numbers;
  readonly text: string;
  readonly xattrs: readonly (readonly [
    index: number,
    attributes: readonly (readonly [name: string, base64: string])[],
  ])[];
}

/** The first line of the file: the digest of the rest. */
function firstLine(json: Buffer): string {
  return `${digestOf(json)}\n`;
}

/** Bytes of the first line. */
const LINE_BYTES = 'sha256:'.length + 64 + 1;

/** A body says only that the file is not empty; its name is not needed any more. */
const SOME_BODY = { bucket: undefined, name: '0' };

function* withoutBodies(entries: LayerEntries) {
  for (const { header, body } of entries) yield { header, body: body && SOME_BODY };
}

/** Writes the entries of a layer in one step, unless there are too many. @throws FILESYSTEM */
export function keepEntries(path: string, entries: LayerEntries): void {
  if (entries.length > MAX_KEPT) return;
  const bare: LayerEntries = { length: entries.length, [Symbol.iterator]: () => withoutBodies(entries) };
  const batches = [...packEntries(bare, BATCH)].map(
    ({ count, numbers, text, xattrs }): KeptBatch => ({
      count,
      numbers: [...numbers],
      text,
      xattrs: xattrs.map(([index, own]) => [
        index,
        own.map(([name, value]) => [name, Buffer.from(value).toString('base64')] as const),
      ]),
    }),
  );
  const json = Buffer.from(JSON.stringify(batches));
  const content = Buffer.concat([Buffer.from(firstLine(json)), json]);
  attempt('keep the entries of a layer', path, () => {
    // Readable for all, because the owner may be a subordinate ID. Only the caller may enter the folder.
    replaceFileSync(path, content, { mode: 0o644, temporary: `${path}.${randomUUID()}` });
  });
}

/** Reads the JSON of kept entries; undefined where they are missing or damaged. */
function readKept(path: string): Buffer | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  const json = bytes.subarray(LINE_BYTES);
  return bytes.toString('latin1', 0, LINE_BYTES) === firstLine(json) ? json : undefined;
}

/** Whether the entries of a layer are kept, undamaged. */
export function hasKeptEntries(path: string): boolean {
  return readKept(path) !== undefined;
}

/** Reads the kept entries of a layer. @throws STORE_INVALID where they are missing or damaged */
export function readKeptEntries(path: string): LayerEntries {
  const json = readKept(path);
  if (json === undefined) {
    throw new TsimgError('STORE_INVALID', 'the kept entries of a layer are gone', {
      where: path,
      hint: 'run the command again: it reads the layer itself',
    });
  }
  const kept: readonly KeptBatch[] = JSON.parse(json.toString('utf8'));
  const batches = kept.map(
    ({ count, numbers, text, xattrs }): PackedEntries => ({
      count,
      numbers: new Float64Array(numbers),
      text,
      buckets: [],
      xattrs: xattrs.map(([index, own]) => [
        index,
        own.map(([name, value]) => [name, Buffer.from(value, 'base64')] as const),
      ]),
    }),
  );
  return unpackEntries(batches);
}

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { digestOf } from '../../crypto/digest.ts';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { LayerEntries } from '../../rootfs/fold/outcome.ts';
import { replaceFileSync } from '../../sys/file/replace-file-sync.ts';
import { attempt } from '../directory/check.ts';
import { type PackedEntries, packEntries, unpackEntries } from './pack-entries.ts';

// What a layer says, kept beside its files: a layer that lies on it is folded without decompressing this one again.

const BATCH = 10_000;
/** More are not worth their memory: such a layer is read again. */
const MAX_KEPT = 200_000;

type Numbers = readonly number[];

/** `PackedEntries` as JSON has them, but for bodies: those are files of the layer's directory by now. */
interface KeptBatch {
  readonly count: number;
  readonly numbers: Numbers;
  readonly text: string;
  readonly xattrs: readonly (readonly [
    index: number,
    attributes: readonly (readonly [name: string, base64: string])[],
  ])[];
}

/** The first line of the file: the digest of what follows. */
function firstLine(json: Buffer): string {
  return `${digestOf(json)}\n`;
}

/** Bytes of the first line. */
const LINE_BYTES = 'sha256:'.length + 64 + 1;

/** That an entry has a body says that its file is not empty; which one it was is of no use any more. */
const SOME_BODY = { bucket: undefined, name: '0' };

function* withoutBodies(entries: LayerEntries) {
  for (const { header, body } of entries) yield { header, body: body && SOME_BODY };
}

/** Writes the entries of a layer in one step; not those of a layer that has very many. @throws FILESYSTEM */
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
  attempt('keep what a layer says', path, () => {
    // For all to read: its owner may be a subordinate ID. The folder is the caller's alone.
    replaceFileSync(path, content, { mode: 0o644, temporary: `${path}.${randomUUID()}` });
  });
}

/** The JSON of kept entries; undefined where there are none, or damaged ones. */
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

/** Whether a layer's entries are kept, undamaged. */
export function hasKeptEntries(path: string): boolean {
  return readKept(path) !== undefined;
}

/** A layer's entries as they were kept. @throws STORE_INVALID where there are none */
export function readKeptEntries(path: string): LayerEntries {
  const json = readKept(path);
  if (json === undefined) {
    throw new TsimgError('STORE_INVALID', 'what a layer says is not there any more', {
      where: path,
      hint: 'try again: the layer is read anew',
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

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

// How long each test file took: the longest are begun first, so that none of them is left alone at the end. Every run
// keeps what it measured in the checkout, unpublished; what a fresh clone begins with is written by `npm test --
// --record`.

/** Seconds by test file. */
export type Lengths = ReadonlyMap<string, number>;

const KEPT = ['.build', 'test-lengths.json'];
const RECORDED = ['scripts', 'test', 'lengths.json'];
/** Below this many seconds a file's place does not matter. */
const SHORTEST = 3;

function readFrom(path: string): Lengths {
  try {
    return new Map(Object.entries<number>(JSON.parse(readFileSync(path, 'utf8'))));
  } catch {
    // None was kept yet: it says nothing but an order
    return new Map();
  }
}

function writeTo(path: string, lengths: Lengths): void {
  mkdirSync(dirname(path), { recursive: true });
  const sorted = [...lengths].sort(([a, one], [b, other]) => other - one || (a < b ? -1 : 1));
  const made = `${path}.${process.pid}`;
  writeFileSync(made, `${JSON.stringify(Object.fromEntries(sorted), undefined, 2)}\n`);
  renameSync(made, path);
}

/**
 * Returns how long a file takes, in seconds: 0 where nobody knows. A file that was moved is known by its last name.
 * @param root the checkout
 */
export function lengthsBy(root: string): (file: string) => number {
  const known = [readFrom(join(root, ...KEPT)), readFrom(join(root, ...RECORDED))];
  const moved = new Map(
    known.toReversed().flatMap((each) => [...each].map(([file, seconds]) => [basename(file), seconds])),
  );
  return (file) => known[0]?.get(file) ?? known[1]?.get(file) ?? moved.get(basename(file)) ?? 0;
}

/** Files in the order in which they are begun. */
export function longestFirst(files: readonly string[], lengthOf: (file: string) => number): readonly string[] {
  return files.toSorted((a, b) => lengthOf(b) - lengthOf(a) || (a < b ? -1 : 1));
}

/** How many Nodes run the files, one after another, and the time that they have. */
export interface Share {
  readonly nodes: number;
  /** The time for all files: seconds by the clock, times the number of files at a time. */
  readonly fileSeconds: number;
}

/**
 * Returns the files that each Node runs: all of them if the time allows. Else the longest files, as few as possible,
 * are divided: one Node runs each of these.
 */
export function divide(
  files: readonly string[],
  lengthOf: (file: string) => number,
  { nodes, fileSeconds }: Share,
): readonly (readonly string[])[] {
  const ordered = longestFirst(files, lengthOf);
  let tooLong = nodes * ordered.reduce((sum, file) => sum + lengthOf(file), 0) - fileSeconds;
  const divided = new Map<string, number>();
  for (const file of ordered) {
    if (tooLong <= 0) break;
    divided.set(file, divided.size % nodes);
    tooLong -= (nodes - 1) * lengthOf(file);
  }
  return Array.from({ length: nodes }, (_, node) => ordered.filter((file) => (divided.get(file) ?? node) === node));
}

/**
 * Keeps what a run measured. @param root the checkout
 * @param isRecord whether lengths.json is written too, for other clones; it then holds the files of this run only
 */
export function keepLengths(root: string, measured: Lengths, isRecord: boolean): void {
  const kept = join(root, ...KEPT);
  writeTo(kept, new Map([...readFrom(kept), ...measured]));
  if (!isRecord) return;
  const long = [...measured].filter(([, seconds]) => seconds >= SHORTEST);
  writeTo(join(root, ...RECORDED), new Map(long.map(([file, seconds]) => [file, Math.round(seconds)])));
}

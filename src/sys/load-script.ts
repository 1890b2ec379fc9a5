import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';
import * as zlib from 'node:zlib';
import { replaceFileSync } from './file/replace-file-sync.ts';

/** Bytes of the CRC-32 behind the compiled code of V8. V8 itself does not check its code. */
const CHECK_BYTES = 4;

/**
 * The share of starts that check whether they called functions that the kept code lacks (a first `run` may call few).
 * The check takes some milliseconds.
 */
const RENEWED = 1 / 16;
/** Code that has grown by this factor is written again. */
const GROWN = 1.01;

/** A script as Node loads it: a function with the arguments of CommonJS. */
type Body = (
  exports: object,
  require: (path: string) => unknown,
  module: { exports: object },
  ...place: string[]
) => void;

/** Whether this Node has everything that is needed: 20.15 and later. */
export function canLoadScripts(): boolean {
  return 'crc32' in zlib;
}

function read(path: string): Buffer | undefined {
  try {
    const bytes = readFileSync(path);
    const data = bytes.subarray(0, -CHECK_BYTES);
    return zlib.crc32(data) === bytes.readUInt32LE(data.length) ? data : undefined;
  } catch {
    // Missing or incomplete: it is compiled again
    return undefined;
  }
}

/** Where the compiled code of a script is kept. */
interface CodePlace {
  readonly folder: string;
  readonly name: string;
  readonly digest: string;
}

function fileOf({ name, digest }: CodePlace): string {
  return `${name}-${digest}`;
}

function write(place: CodePlace, data: Buffer): void {
  const { folder, name } = place;
  const file = fileOf(place);
  const check = Buffer.alloc(CHECK_BYTES);
  check.writeUInt32LE(zlib.crc32(data));
  const temporary = join(folder, `${file}.${process.pid}.new`);
  try {
    replaceFileSync(join(folder, file), Buffer.concat([data, check]), { mode: 0o600, temporary });
    // Removes files of former versions and of killed processes
    for (const other of readdirSync(folder)) {
      if (other.startsWith(`${name}-`) && other !== file) rmSync(join(folder, other), { force: true });
    }
  } catch {
    // The folder is full or gone: the next process tries again
  }
}

/**
 * Returns a function that loads scripts of one folder, with the code that V8 compiled at an earlier start. New code is
 * written when the process ends. For Node 20, which has no `module.enableCompileCache`. The scripts may require each
 * other, but cannot import.
 * @param scripts their folder
 * @param digests of the scripts, by name
 * @param folder for compiled code; only this user can write it
 */
export function scriptLoader(
  scripts: string,
  digests: Readonly<Record<string, string>>,
  folder: string,
): (name: string) => object {
  const loaded = new Map<string, { exports: object }>();
  return function load(name) {
    const before = loaded.get(name);
    if (before !== undefined) return before.exports;
    const module = { exports: {} };
    loaded.set(name, module);
    const filename = join(scripts, `${name}.cjs`);
    const place = { folder, name, digest: digests[name] ?? '' };
    const cachedData = read(join(folder, fileOf(place)));
    const text = `(function (exports, require, module, __filename, __dirname) {${readFileSync(filename, 'latin1')}\n})`;
    const script = new Script(text, { filename, cachedData });
    const known = script.cachedDataRejected === true ? undefined : cachedData;
    if (known === undefined || Math.random() < RENEWED) {
      // Code of a call that failed would lack most functions, for all calls after it
      process.once('exit', (status) => {
        if (status !== 0) return;
        const data = script.createCachedData();
        if (known === undefined || data.length > known.length * GROWN) write(place, data);
      });
    }
    const require = createRequire(filename);
    const requireFrom = (path: string): unknown => {
      const other = /^\.\/([\w-]+)\.cjs$/.exec(path)?.[1];
      return other !== undefined && other in digests ? load(other) : require(path);
    };
    const body: Body = script.runInThisContext();
    body(module.exports, requireFrom, module, filename, dirname(filename));
    return module.exports;
  };
}

import { spawnSync } from 'node:child_process';
import type { ListedEntry } from './python-tar.ts';

/** An entry of a listing, which has no content. */
export type Listed = Omit<ListedEntry, 'content'>;

const KINDS: Readonly<Record<string, string>> = {
  '-': 'file',
  C: 'file',
  h: 'hardlink',
  l: 'symlink',
  d: 'directory',
  c: 'character-device',
  b: 'block-device',
  p: 'fifo',
};
/** `-rw-r--r-- 0/0  5 1970-01-01 00:00:00 "name" -> "target"` */
const LINE =
  /^([-ChldcbpC])([-rwxsStT]{9}) (\d+)\/(\d+) +(\d+|\d+,\d+) +[-+\d]+(?: [-:.\d]+)? ("(?:[^"\\]|\\.)*")(?: (?:->|link to) ("(?:[^"\\]|\\.)*"))?$/;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v' };

/** A quoted name of GNU's style `c` → its bytes in hex. */
function unquote(text: string): string {
  const bytes = text
    .slice(1, -1)
    .replace(/\\([0-7]{3}|.)/g, (_, code: string) =>
      code.length === 3 ? String.fromCharCode(Number.parseInt(code, 8)) : (ESCAPES[code] ?? code),
    );
  return Buffer.from(bytes, 'latin1').toString('hex');
}

/** `rwsr-xr-t` → bits. */
function modeOf(text: string): number {
  let mode = 0;
  for (const [index, character] of [...text].entries()) {
    if ('rwxst'.includes(character)) mode |= 0o400 >> index;
    if ('sStT'.includes(character)) mode |= 0o4000 >> ((index - 2) / 3);
  }
  return mode;
}

function parseLine(line: string): Listed | undefined {
  const match = LINE.exec(line);
  if (match === null) return undefined;
  const [, kindText = '', mode = '', uid, gid, size = '', path = '', target] = match;
  const kind = KINDS[kindText] ?? '';
  return {
    kind,
    path: unquote(path),
    linkPath: target === undefined ? '' : unquote(target),
    mode: modeOf(mode),
    uid: Number(uid),
    gid: Number(gid),
    size: kind === 'file' ? Number(size) : 0,
  };
}

function gnuTar(archive: Buffer, args: readonly string[]): Buffer | undefined {
  const env = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };
  const options = { input: archive, env, timeout: 20_000, maxBuffer: 64 * 1024 * 1024 };
  const { status, stdout, stderr } = spawnSync('tar', args, options);
  return status === 0 && stderr.length === 0 ? stdout : undefined;
}

/** Lists an archive by GNU tar. Undefined where GNU tar refuses or complains, or where its listing is ambiguous. */
export function listWithGnuTar(archive: Buffer): readonly Listed[] | undefined {
  const output = gnuTar(archive, ['-tvf', '-', '--quoting-style=c', '--numeric-owner', '--full-time']);
  const lines = output?.toString('latin1').split('\n').filter(Boolean).map(parseLine);
  const entries = lines?.filter((entry) => entry !== undefined);
  return entries?.length === lines?.length ? entries : undefined;
}

/** Returns the contents of all files in one buffer; undefined where GNU tar refuses or complains. */
export function contentsByGnuTar(archive: Buffer): Buffer | undefined {
  return gnuTar(archive, ['-xOf', '-']);
}

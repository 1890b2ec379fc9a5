import { createHash } from 'node:crypto';
import { createTarReader } from '../../../src/tar/read/read.ts';
import { readWhole } from '../../support/image/read-tar.ts';
import { endingOf, fault } from '../ending.ts';
import { mutateTar } from '../mutate/mutate-tar.ts';
import { contentsByGnuTar, type Listed, listWithGnuTar } from '../peers/gnu-tar.ts';
import { type ListedEntry, MAX_COMPARED, type PythonTar, startPython } from '../peers/python-tar.ts';
import { tarSeeds } from '../seeds.ts';
import type { Input, Target } from '../target.ts';

/*
 * Readers of tar differ about damaged and hostile archives. Python's reader merges headers, applies headers that others ignore,
 * and stops without an error. One reader that disagrees with tsimg therefore proves nothing; two that agree with each other do.
 * docs/decisions/0002 has the decisions against both. One of them, that global headers have no effect, is left out here.
 */

const hex = (bytes: string) => Buffer.from(bytes, 'latin1').toString('hex');

/** Removes the slash behind a directory, which Python drops and GNU tar lists. */
function pathOf(path: string): string {
  return path.replace(/(?:2f)+$/, '');
}

function lineOf({ kind, path, linkPath, mode, uid, gid, size }: Listed): string {
  return [kind, pathOf(path), linkPath, mode.toString(8), uid, gid, size].join(' ');
}

function linesOf(entries: readonly Listed[]): string {
  return entries.map(lineOf).join('\n');
}

/** Reads the sizes first: a file that is too large for memory is listed without its content. */
function ours(archive: Buffer): readonly ListedEntry[] {
  let total = 0;
  const sizes: Listed[] = [];
  const reader = createTarReader({
    entry({ kind, path, linkPath, mode, uid, gid, size }) {
      total += size;
      sizes.push({ kind, path: hex(path), linkPath: hex(linkPath), mode, uid, gid, size });
    },
    data() {},
    end() {},
  });
  reader.write(archive);
  reader.end();
  if (total > 8 * MAX_COMPARED) return sizes.map((entry) => ({ ...entry, content: '' }));
  const contents = readWhole(archive).map(({ content }) => createHash('sha256').update(content).digest('hex'));
  return sizes.map((entry, index) => ({ ...entry, content: contents[index] ?? '' }));
}

function sameContents(found: readonly ListedEntry[], others: readonly ListedEntry[]): boolean {
  return found.every(({ content }, index) => content === '' || (others[index]?.content || content) === content);
}

/** Whether a block may be a global header, which the other readers apply. */
function hasGlobalHeader(archive: Buffer): boolean {
  for (let at = 0; at + 512 <= archive.length; at += 512) {
    if (archive[at + 156] === 0x67 && archive.toString('latin1', at + 257, at + 262) === 'ustar') return true;
  }
  return false;
}

/** Asks GNU tar where Python finds other content in the same entries. */
function askGnuTar(archive: Buffer, lines: string): string {
  const gnus = listWithGnuTar(archive);
  const theirs = contentsByGnuTar(archive);
  if (gnus === undefined || theirs === undefined || linesOf(gnus) !== lines) return 'disputed';
  if (theirs.equals(Buffer.concat(readWhole(archive).map(({ content }) => content)))) return 'agreed';
  throw fault('GNU tar and Python read other content');
}

async function compare([archive = Buffer.alloc(0)]: Input, python: PythonTar): Promise<string> {
  let found: readonly ListedEntry[] = [];
  const ending = endingOf(() => {
    found = ours(archive);
  });
  if (ending !== 'accepted' || found.length === 0 || hasGlobalHeader(archive)) return ending;
  const pythons = await python.list(archive);
  const lines = linesOf(found);
  const isListed = typeof pythons !== 'string';
  if (isListed && linesOf(pythons) === lines) {
    return sameContents(found, pythons) ? 'agreed' : askGnuTar(archive, lines);
  }
  const gnus = listWithGnuTar(archive);
  if (gnus === undefined) return 'disputed';
  const gnuLines = linesOf(gnus);
  if (gnuLines === lines) return 'agreed';
  if (isListed && linesOf(pythons) === gnuLines) {
    throw fault(`GNU tar and Python agree on another reading\n  here:\n${lines}\n  there:\n${gnuLines}`);
  }
  return 'disputed';
}

export const tarDifferentialTarget: Target = {
  name: 'tar-differential',
  rule: 'an archive that is accepted is never read otherwise than both GNU tar and Python read it',
  tools: ['python3', 'tar'],
  seeds: () => tarSeeds().map((seed) => [seed]),
  mutate: ([seed = Buffer.alloc(0)], [other = Buffer.alloc(0)], random) => [mutateTar(seed, other, random)],
  open() {
    const python = startPython();
    return { run: (input) => compare(input, python), close: () => python.close() };
  },
};

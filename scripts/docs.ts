import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createProgram } from '../src/cli/program.ts';
import { completionScript } from '../src/cli/verb/completion.ts';
import { API_FOLDER, doAgree, makeApiPages, rememberAgreement } from './docs/api-pages.ts';
import { cliPage } from './docs/cli-page.ts';
import { manPages } from './docs/man-pages.ts';
import { drawTerminal, recordAgain } from './terminal/terminal-page.ts';

// Writes the pages that are made from the source. With --check it only compares, so that none of them can grow old.

const ROOT = dirname(dirname(import.meta.dirname));
/** Folders that hold such pages and nothing else. */
const MADE_FOLDERS = ['completions', 'man', API_FOLDER];

const isCheck = process.argv.includes('--check');
const notice = isCheck ? undefined : recordAgain();
if (notice !== undefined) console.log(notice);

/** Paths in the checkout of all that lies in a folder. */
function filesIn(folder: string): readonly string[] {
  if (!existsSync(join(ROOT, folder))) return [];
  const entries = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8', withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1));
}

const read = (path: string) => (existsSync(join(ROOT, path)) ? readFileSync(join(ROOT, path), 'utf8') : undefined);

const program = await createProgram(() => {});
// TypeDoc's pages are not made again if nothing has changed since
const apiPages: ReadonlyMap<string, string | undefined> =
  isCheck && doAgree() ? new Map(filesIn(API_FOLDER).map((path) => [path, read(path)])) : makeApiPages();
const manuals = manPages(program, readFileSync(join(ROOT, 'docs', 'errors.md'), 'utf8'));

/** package.json with all pages of the manual, which npm links where it installs the command. */
function packageWithManuals(): string {
  const man = [...manuals.keys()].map((path) => `./${path}`).sort();
  return `${JSON.stringify({ ...JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')), man }, null, 2)}\n`;
}

/** The text of each page, by its path in the checkout. */
const pages: ReadonlyMap<string, string | undefined> = new Map([
  ['docs/cli.md', cliPage(program)],
  ['docs/terminal.svg', drawTerminal()],
  ['completions/tsimg.bash', await completionScript('bash', program)],
  ['completions/_tsimg', await completionScript('zsh', program)],
  ['completions/tsimg.fish', await completionScript('fish', program)],
  ['package.json', packageWithManuals()],
  ...manuals,
  ...apiPages,
]);

const stale = [...new Set([...pages.keys(), ...MADE_FOLDERS.flatMap(filesIn)])].filter(
  (path) => read(path) !== pages.get(path),
);
if (isCheck) {
  for (const path of stale) console.error(`${path} is not what the source says; run: npm run docs`);
  if (stale.length > 0) process.exit(1);
} else {
  for (const path of stale) {
    const text = pages.get(path);
    mkdirSync(dirname(join(ROOT, path)), { recursive: true });
    if (text === undefined) rmSync(join(ROOT, path));
    else writeFileSync(join(ROOT, path), text);
  }
}
rememberAgreement();

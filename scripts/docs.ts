import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createProgram } from '../src/cli/program.ts';
import { completionScript } from '../src/cli/verb/completion.ts';
import { cliPage } from './docs/cli-page.ts';
import { manPages } from './docs/man-pages.ts';
import { drawTerminal, recordAgain } from './terminal/terminal-page.ts';

// Writes the pages that are made from the program itself; with --check, only compares, so that none of them can grow old.

const ROOT = dirname(dirname(import.meta.dirname));

const isCheck = process.argv.includes('--check');
const notice = isCheck ? undefined : recordAgain();
if (notice !== undefined) console.log(notice);

const program = await createProgram(() => {});
/** By path in the checkout: what stands there. */
const pages: ReadonlyMap<string, string> = new Map([
  ['docs/cli.md', cliPage(program)],
  ['docs/terminal.svg', drawTerminal()],
  ['completions/tsimg.bash', await completionScript('bash', program)],
  ['completions/_tsimg', await completionScript('zsh', program)],
  ['completions/tsimg.fish', await completionScript('fish', program)],
  ...manPages(program, readFileSync(join(ROOT, 'docs', 'errors.md'), 'utf8')),
]);

const read = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : undefined);
const stale = [...pages].filter(([path, text]) => read(join(ROOT, path)) !== text);
if (isCheck) {
  for (const [path] of stale) console.error(`${path} is not what the program says; run: npm run docs`);
  process.exit(stale.length === 0 ? 0 : 1);
}
for (const [path, text] of stale) {
  mkdirSync(dirname(join(ROOT, path)), { recursive: true });
  writeFileSync(join(ROOT, path), text);
}

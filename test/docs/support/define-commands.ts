import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import { makeOrdinaryUser, type OrdinaryUser } from '../../support/host/ordinary-user.ts';
import { prepare } from '../../support/prepare.ts';
import { haveRoot, haveTools, installedKernel } from '../../support/tools.ts';
import { type DocsWorld, makeDocsWorld } from './docs-world.ts';
import { allPages, type Block, type Page } from './page.ts';

// Each `sh` block of a page, and the script of a `yaml` block, is run, in order, in a fresh folder: `sh root` as root
// only, `sh user` as an ordinary user only, others as both. A `text` block right after one shows lines that it prints,
// in their order; … is anything.

type Who = 'root' | 'user';

/** What a page needs besides tsimg. */
function needsOf(page: Page): readonly string[] {
  const line = /^<!-- needs: (.*) -->$/m.exec(page.text)?.[1];
  return line === undefined ? [] : line.split(' ');
}

/** Whether what a page needs is there; prints the line where it is not. `kernel` is one of Debian's in /boot. */
function haveNeeds(needs: readonly string[]): boolean {
  const kernel = !needs.includes('kernel') || (installedKernel() !== undefined && process.arch === 'x64');
  if (!kernel) console.log('skipped: needs a kernel in /boot (Debian package linux-image-cloud-amd64)');
  return haveTools(...needs.filter((name) => name !== 'kernel')) && kernel;
}

/** Whether a page's blocks are run as this one: `<!-- as: user -->` leaves the other out. */
function isRunAs({ text }: Page, identity: Who): boolean {
  const only = /^<!-- as: (root|user) -->$/m.exec(text)?.[1];
  return only === undefined || only === identity;
}

function isFor({ words: [language, ...who] }: Block, identity: Who): boolean {
  return (language === 'sh' || language === 'yaml') && (who.length === 0 || who.includes(identity));
}

/** A block's commands; of a `yaml` block, a job's, those of the list below `script:`. */
function commandsOf({ words: [language], text }: Block): string {
  if (language !== 'yaml') return text;
  const [, script = ''] = text.split(/^ *script:$/m);
  return script.replaceAll(/^ *- /gm, '');
}

/** The page's script. Each block's output begins with its line, in control characters. */
function scriptOf(page: Page, identity: Who): string {
  const blocks = page.blocks.filter((block) => isFor(block, identity));
  return blocks.map((block) => `printf '\\001%s\\002' ${block.line}\n${commandsOf(block)}`).join('');
}

/** What empties a terminal's screen; a line begins then. */
const CLEARS = /\u001b(?:c|\[2J)/g;
/** What else moves its cursor, or colours what follows. */
const TERMINAL = /\r|\u001b\[[0-9;?]*[A-Za-z]/g;

/** What each block printed, by its line. */
function outputsOf(output: string): ReadonlyMap<number, string> {
  const parts = output.replaceAll(CLEARS, '\n').replaceAll(TERMINAL, '').split('\u0001').slice(1);
  return new Map(parts.map((part) => [Number.parseInt(part, 10), part.slice(part.indexOf('\u0002') + 1)]));
}

/** An ID, in its short form or in full, stands for any. */
const ID = /\b(?:[0-9a-f]{64}|[0-9a-f]{12})\b/g;

function isLike(shown: string, line: string): boolean {
  const parts = shown
    .trim()
    .split('…')
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(/\s+/g, '\\s+'))
    .map((part) => part.replaceAll(ID, (id) => `[0-9a-f]{${id.length}}`));
  return new RegExp(`^\\s*${parts.join('.*')}\\s*$`).test(line);
}

/** The first of the lines that are shown and were not printed after those before. */
function missingLine(shown: string, printed: string): string | undefined {
  const lines = printed.split('\n');
  for (const line of shown.split('\n').filter((each) => each.trim() !== '' && each.trim() !== '…')) {
    const place = lines.findIndex((each) => isLike(line, each));
    if (place < 0) return line;
    lines.splice(0, place + 1);
  }
  return undefined;
}

function check(page: Page, identity: Who, world: DocsWorld, user: OrdinaryUser | undefined): void {
  const { status, output, running } = world.run(scriptOf(page, identity), user);
  const outputs = outputsOf(output);
  const last = [...outputs].at(-1) ?? [0, output];
  assert.is(status, 0, `${page.path}:${last[0]} as ${identity} ends with ${status}: ${last[1]}`);
  const faults = page.blocks.flatMap((block, index) => {
    const before = page.blocks[index - 1];
    if (block.words[0] !== 'text' || !block.follows || before === undefined || !isFor(before, identity)) return [];
    const printed = outputs.get(before.line) ?? '';
    const missing = missingLine(block.text, printed);
    return missing === undefined ? [] : [`${page.path}:${block.line}: not printed: ${missing}\n${printed}`];
  });
  assert.is(faults.length, 0, `as ${identity}: ${faults.join('\n')}`);
  assert.is(running, '', `${page.path} as ${identity} leaves a container running`);
}

/** Defines a test for the commands of each page whose path matches, as root and as an ordinary user. */
export function defineCommands(test: Test, pages: RegExp): void {
  const canRun =
    haveRoot() && haveTools('docker-registry', 'skopeo', 'openssl', 'unshare', 'nsenter', 'setpriv', 'script');
  const user = canRun ? makeOrdinaryUser() : undefined;
  let world: DocsWorld | undefined;
  prepare(test, async () => {
    if (canRun) world = await makeDocsWorld();
  });
  test.after(async () => world?.[Symbol.asyncDispose]());

  for (const page of allPages().filter(({ path }) => pages.test(path))) {
    const needs = needsOf(page);
    for (const identity of ['root', 'user'] as const) {
      if (!isRunAs(page, identity) || !page.blocks.some((block) => isFor(block, identity))) continue;
      const runnable = canRun && haveNeeds(needs) && (identity === 'root' || user !== undefined);
      const each = runnable ? test : test.skip;
      each(`the commands of ${page.path} do what it says, as ${identity}`, () => {
        if (world === undefined) throw new Error('there is no host for them');
        check(page, identity, world, identity === 'user' ? user : undefined);
      });
    }
  }
}

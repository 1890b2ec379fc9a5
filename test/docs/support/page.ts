import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../support/checkout.ts';

/** A fenced block of a page. */
export interface Block {
  /** The words after the fence: the language, then for `sh` the one identity that runs it, where it is not for all. */
  readonly words: readonly string[];
  readonly text: string;
  /** Counted from 1. */
  readonly line: number;
  /** Whether nothing but empty lines lies between it and the block before. */
  readonly follows: boolean;
}

export interface Page {
  /** Below the checkout, such as `docs/guides/rootless.md`. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
}

/** The fenced blocks of a Markdown text. Fences stand at the beginning of a line, with three backticks. */
export function blocksOf(text: string): readonly Block[] {
  const blocks: Block[] = [];
  let open: { words: readonly string[]; line: number; body: string[]; follows: boolean } | undefined;
  let follows = false;
  for (const [index, line] of text.split('\n').entries()) {
    if (open === undefined) {
      const [, words] = /^```(.*)$/.exec(line) ?? [];
      if (words !== undefined) open = { words: words.trim().split(/\s+/), line: index + 1, body: [], follows };
      else if (line.trim() !== '') follows = false;
    } else if (line === '```') {
      const { words, line: start, body } = open;
      blocks.push({ words, line: start, text: `${body.join('\n')}\n`, follows: open.follows });
      open = undefined;
      follows = true;
    } else open.body.push(line);
  }
  if (open !== undefined) throw new Error(`a block has no end: line ${open.line}`);
  return blocks;
}

/** A page of the checkout. @param path below it */
export function readPage(path: string): Page {
  const text = readFileSync(join(ROOT, path), 'utf8');
  return { path, text, blocks: blocksOf(text) };
}

/** All pages below docs/, and the README. */
export function allPages(): readonly Page[] {
  const below = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' });
  const paths = below.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`);
  return ['README.md', ...paths.sort()].filter((path) => existsSync(join(ROOT, path))).map(readPage);
}

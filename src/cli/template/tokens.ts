import { notTemplate } from './template-error.ts';

/** A word of an action. */
export interface Token {
  readonly kind: 'text' | 'number' | 'variable' | 'field' | 'dot' | 'word' | 'mark';
  /** Without its dot (field) and its quotes (text). */
  readonly value: string;
  /** Whether white space stands before it. */
  readonly spaced: boolean;
}

/** Text, or an action. */
export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly tokens: readonly Token[]; readonly source: string };

const COMMENT = /\{\{(?:-\s+)?\/\*[\s\S]*?\*\/(?:\s+-)?\}\}/y;
const END = /(\s+-)?\}\}/y;
const TOKENS: readonly (readonly [kind: Token['kind'], pattern: RegExp])[] = [
  ['text', /"(?:[^"\\\n]|\\.)*"|`[^`]*`/y],
  ['number', /[+-]?(?:0[xX][0-9a-fA-F]+|[0-9]+(?:\.[0-9]+)?)(?![\p{L}\p{N}_.])/uy],
  ['variable', /\$[\p{L}\p{N}_]*/uy],
  ['field', /\.[\p{L}_][\p{L}\p{N}_]*/uy],
  ['dot', /\./y],
  ['word', /[\p{L}_][\p{L}\p{N}_]*/uy],
  ['mark', /:=|[=|,()]/y],
];
const SPACE = /\s+/y;
const SIMPLE: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
  '\\': '\\',
  '"': '"',
};
const ESCAPE = /\\(?:([0-7]{3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))/g;

/** Returns what a pattern finds at a place of a text; undefined for nothing. */
function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}

/** Reads a string of Go: quoted with escapes, or raw between backquotes. */
function unquote(quoted: string): string {
  const inner = quoted.slice(1, -1);
  if (quoted.startsWith('`')) return inner;
  return inner.replace(ESCAPE, (whole, octal?: string, ...rest: (string | undefined)[]) => {
    const [byte, short, long, letter = ''] = rest;
    const code = octal === undefined ? Number.parseInt(byte ?? short ?? long ?? '', 16) : Number.parseInt(octal, 8);
    const character = Number.isNaN(code) ? SIMPLE[letter] : code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
    if (character === undefined) throw notTemplate(quoted, `${whole} is no escape of Go`);
    return character;
  });
}

function tokenAt(text: string, at: number): { readonly kind: Token['kind']; readonly written: string } | undefined {
  for (const [kind, pattern] of TOKENS) {
    const written = matchAt(pattern, text, at)?.[0];
    if (written !== undefined) return { kind, written };
  }
  return undefined;
}

/** Reads the words of an action from behind its `{{`. */
function readAction(text: string, start: number, first: number) {
  const tokens: Token[] = [];
  let at = first;
  let spaced = false;
  for (;;) {
    const end = matchAt(END, text, at);
    if (end !== undefined) {
      const stop = at + end[0].length;
      return { tokens, source: text.slice(start, stop), stop, trimsAfter: end[1] !== undefined };
    }
    const space = matchAt(SPACE, text, at)?.[0];
    if (space !== undefined) {
      at += space.length;
      spaced = true;
      continue;
    }
    const source = text.slice(start);
    if (at >= text.length) throw notTemplate(source, 'it has no }}');
    const found = tokenAt(text, at);
    if (found === undefined) throw notTemplate(source, `${JSON.stringify(text[at])} has no meaning there`);
    const { kind, written } = found;
    const value = kind === 'text' ? unquote(written) : kind === 'field' ? written.slice(1) : written;
    tokens.push({ kind, value, spaced });
    at += written.length;
    spaced = false;
  }
}

/** docker's and podman's `\t` and `\n` in the text around actions. */
function readEscapes(text: string): string {
  return text.replace(/\\([nt])/g, (_, letter: string) => (letter === 'n' ? '\n' : '\t'));
}

/**
 * Splits a template into texts and actions. `{{- ` and ` -}}` remove the white space of the text beside them; comments
 * are left out. @throws USAGE
 */
export function splitTemplate(template: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let trimsNext = false;
  while (at < template.length) {
    const found = template.indexOf('{{', at);
    const start = found === -1 ? template.length : found;
    const trimsBefore = /^\{\{-\s/.test(template.slice(start, start + 4));
    const whole = readEscapes(template.slice(at, start));
    const head = trimsNext ? whole.trimStart() : whole;
    const text = trimsBefore ? head.trimEnd() : head;
    if (text !== '') pieces.push({ kind: 'text', text });
    trimsNext = false;
    at = start;
    if (start === template.length) break;
    const comment = matchAt(COMMENT, template, start)?.[0];
    if (comment !== undefined) {
      at += comment.length;
      trimsNext = comment.endsWith('-}}');
      continue;
    }
    const { tokens, source, stop, trimsAfter } = readAction(template, start, start + (trimsBefore ? 3 : 2));
    pieces.push({ kind: 'action', tokens, source });
    at = stop;
    trimsNext = trimsAfter;
  }
  return pieces;
}

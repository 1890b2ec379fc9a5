import { FUNCTION_NAMES } from './functions.ts';
import { notTemplate } from './template-error.ts';
import type { Call, Operand, Pipeline, Template, TemplateNode } from './template-node.ts';
import { type Piece, splitTemplate, type Token } from './tokens.ts';

/** The longest template: characters. */
const MAX_TEMPLATE = 64 * 1024;
/** How deep blocks and parentheses may be in each other. */
const MAX_DEPTH = 50;

const CONSTANTS: ReadonlyMap<string, boolean | null> = new Map([
  ['true', true],
  ['false', false],
  ['nil', null],
]);
const BLOCKS = ['if', 'with', 'range'] as const;
type BlockKind = (typeof BLOCKS)[number];
/** Actions of Go that define templates; a `--format` is one template. */
const DEFINING: ReadonlySet<string> = new Set(['template', 'define', 'block']);
const KEYWORDS: ReadonlySet<string> = new Set([...BLOCKS, ...DEFINING, 'else', 'end', 'break', 'continue']);

/** The words of an action, read one after the other. */
interface Words {
  readonly tokens: readonly Token[];
  readonly source: string;
  at: number;
}

/** What is known while a template is parsed. */
interface Parsing {
  readonly pieces: readonly Piece[];
  at: number;
  /** The variables that can be seen here. */
  readonly variables: string[];
  readonly fields: Set<string>;
}

/** Where an action stands. */
interface Place {
  readonly depth: number;
  readonly inRange: boolean;
}

const peek = ({ tokens, at }: Words, ahead = 0): Token | undefined => tokens[at + ahead];

function isMark(token: Token | undefined, value: string): boolean {
  return token?.kind === 'mark' && token.value === value;
}

function checkDepth(depth: number, source: string): void {
  if (depth > MAX_DEPTH) throw notTemplate(source, `more than ${MAX_DEPTH} levels are in each other`);
}

function unexpected(words: Words): Error {
  const token = peek(words);
  const why = token === undefined ? 'a value is missing' : `${token.value} cannot stand there`;
  return notTemplate(words.source, why);
}

function parseNumber(text: string): number {
  const [, sign = '', digits = ''] = /^([+-]?)(.*)$/.exec(text) ?? [];
  return sign === '-' ? -Number(digits) : Number(digits);
}

/** Parses a value without the fields behind it; undefined where none begins. */
function parseSimple(words: Words, parsing: Parsing, depth: number): Operand | undefined {
  const token = peek(words);
  if (token === undefined) return undefined;
  const { kind, value } = token;
  if (kind === 'field') return { kind: 'dot' };
  if (kind === 'mark' && value !== '(') return undefined;
  words.at += 1;
  switch (kind) {
    case 'text':
      return { kind: 'literal', value };
    case 'number':
      return { kind: 'literal', value: parseNumber(value) };
    case 'dot':
      return { kind: 'dot' };
    case 'variable':
      if (value !== '$' && !parsing.variables.includes(value)) {
        throw notTemplate(words.source, `there is no variable ${value}`);
      }
      return { kind: 'variable', name: value };
    case 'word': {
      const constant = CONSTANTS.get(value);
      if (constant !== undefined) return { kind: 'literal', value: constant };
      if (FUNCTION_NAMES.has(value)) return { kind: 'function', name: value };
      const why = KEYWORDS.has(value) ? `${value} begins an action of its own` : `there is no function ${value}`;
      throw notTemplate(words.source, why, `the functions are ${[...FUNCTION_NAMES].join(', ')}`);
    }
    case 'mark': {
      checkDepth(depth, words.source);
      const pipeline = parsePipeline(words, parsing, depth + 1);
      if (!isMark(peek(words), ')')) throw notTemplate(words.source, 'a ) is missing');
      words.at += 1;
      return { kind: 'pipeline', pipeline };
    }
  }
}

/** Parses a value with its fields: `.A.B`, `$x.A`, `(index . 0).A`. */
function parseOperand(words: Words, parsing: Parsing, depth: number): Operand | undefined {
  const isField = peek(words)?.kind === 'field';
  const of = parseSimple(words, parsing, depth);
  if (of === undefined) return undefined;
  const path: string[] = [];
  for (let next = peek(words); next?.kind === 'field'; next = peek(words)) {
    if (next.spaced && !(isField && path.length === 0)) break;
    path.push(next.value);
    words.at += 1;
  }
  const next = peek(words);
  if (next !== undefined && !next.spaced && next.kind !== 'mark') throw unexpected(words);
  const [field] = path;
  if (field === undefined) return of;
  if (of.kind === 'literal' || of.kind === 'function') throw notTemplate(words.source, `.${field} needs a value`);
  if (of.kind === 'dot' || (of.kind === 'variable' && of.name === '$')) parsing.fields.add(field);
  return { kind: 'field', of, path };
}

function parseCall(words: Words, parsing: Parsing, depth: number): Call {
  const first = parseOperand(words, parsing, depth);
  if (first === undefined) throw unexpected(words);
  const args: Operand[] = [];
  for (;;) {
    const operand = parseOperand(words, parsing, depth);
    if (operand === undefined) break;
    args.push(operand);
  }
  const takes = first.kind === 'function' || first.kind === 'field';
  if (args.length > 0 && !takes) throw notTemplate(words.source, 'only a function or a field takes arguments');
  return { first, args };
}

function parsePipeline(words: Words, parsing: Parsing, depth = 0): Pipeline {
  const { source } = words;
  const calls: Call[] = [parseCall(words, parsing, depth)];
  while (isMark(peek(words), '|')) {
    words.at += 1;
    const call = parseCall(words, parsing, depth);
    const { kind } = call.first;
    if (kind !== 'function' && kind !== 'field') throw notTemplate(source, 'a function must stand behind |');
    calls.push(call);
  }
  return { variables: [], assigns: false, calls, source };
}

/** Parses `$x := …`, `$x = …`, of range also `$key, $value := …`, and the pipeline behind. */
function parseDeclaration(words: Words, parsing: Parsing, isRange: boolean): Pipeline {
  const first = peek(words);
  if (first?.kind !== 'variable') return parsePipeline(words, parsing);
  const second = isRange && isMark(peek(words, 1), ',') ? peek(words, 2) : undefined;
  const named = second?.kind === 'variable' ? [first.value, second.value] : [first.value];
  const mark = peek(words, named.length * 2 - 1);
  const assigns = isMark(mark, '=');
  if (!assigns && !isMark(mark, ':=')) return parsePipeline(words, parsing);
  words.at += named.length * 2;
  const missing = named.find((name) => name === '$' || (assigns && !parsing.variables.includes(name)));
  if (missing !== undefined) throw notTemplate(words.source, `there is no variable ${missing} to set`);
  const pipeline = parsePipeline(words, parsing);
  if (!assigns) parsing.variables.push(...named);
  return { ...pipeline, variables: named, assigns };
}

function endOf(words: Words): void {
  if (words.at < words.tokens.length) throw unexpected(words);
}

/** Parses the pipeline and the parts of a block, up to its `end`. */
function parseBlock(kind: BlockKind, words: Words, parsing: Parsing, place: Place): TemplateNode {
  checkDepth(place.depth, words.source);
  const seen = parsing.variables.length;
  const pipeline = parseDeclaration(words, parsing, kind === 'range');
  endOf(words);
  const inner = { depth: place.depth + 1, inRange: place.inRange || kind === 'range' };
  const body = parseNodes(parsing, inner);
  let otherwise: readonly TemplateNode[] = [];
  const stop = body.stop ?? { source: words.source, word: undefined, words };
  if (stop.word === 'else') {
    const { words: rest } = stop;
    const chained = BLOCKS.find((each) => each === peek(rest)?.value && each !== 'range');
    if (chained === undefined) {
      endOf(rest);
      const { nodes, stop: end } = parseNodes(parsing, { ...inner, inRange: place.inRange });
      if (end?.word !== 'end') throw notTemplate(end?.source ?? words.source, 'its {{end}} is missing');
      endOf(end.words);
      otherwise = nodes;
    } else {
      // The `end` of the chain is that of its last block.
      rest.at += 1;
      otherwise = [parseBlock(chained, rest, parsing, { depth: inner.depth, inRange: place.inRange })];
    }
  } else if (stop.word === 'end') endOf(stop.words);
  else throw notTemplate(words.source, 'its {{end}} is missing');
  parsing.variables.length = seen;
  return { kind, pipeline, body: body.nodes, otherwise };
}

/** The `else` or `end` at which a list of nodes stops. */
interface Stop {
  readonly word: string | undefined;
  readonly source: string;
  readonly words: Words;
}

/** Parses up to an `else` or `end`, or up to the end of the template. */
function parseNodes(parsing: Parsing, place: Place): { readonly nodes: TemplateNode[]; readonly stop?: Stop } {
  const nodes: TemplateNode[] = [];
  for (;;) {
    const piece = parsing.pieces[parsing.at];
    if (piece === undefined) return { nodes };
    parsing.at += 1;
    if (piece.kind === 'text') {
      nodes.push(piece);
      continue;
    }
    const { tokens, source } = piece;
    const words: Words = { tokens, source, at: 0 };
    const word = tokens[0]?.kind === 'word' ? tokens[0].value : undefined;
    const block = BLOCKS.find((each) => each === word);
    if (word !== undefined && KEYWORDS.has(word)) words.at = 1;
    if (word === 'else' || word === 'end') return { nodes, stop: { word, source, words } };
    if (block !== undefined) nodes.push(parseBlock(block, words, parsing, place));
    else if (word === 'break' || word === 'continue') {
      if (!place.inRange) throw notTemplate(source, `${word} is for range`);
      endOf(words);
      nodes.push({ kind: word });
    } else if (word !== undefined && DEFINING.has(word)) {
      throw notTemplate(source, `a format is one template: there is no ${word}`);
    } else {
      const pipeline = parseDeclaration(words, parsing, false);
      endOf(words);
      nodes.push({ kind: 'print', pipeline });
    }
  }
}

/**
 * Parses the template of `--format`: the language of Go’s text/template, with docker’s functions.
 * @throws USAGE for what has no meaning there, with the action
 */
export function parseTemplate(text: string): Template {
  if (text.length > MAX_TEMPLATE) throw notTemplate(text, `it is longer than ${MAX_TEMPLATE} characters`);
  const parsing: Parsing = { pieces: splitTemplate(text), at: 0, variables: [], fields: new Set() };
  const { nodes, stop } = parseNodes(parsing, { depth: 0, inRange: false });
  if (stop !== undefined) throw notTemplate(stop.source, 'there is no block that it ends');
  return { nodes, fields: parsing.fields };
}

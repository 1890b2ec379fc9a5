import { escapeText } from '../show/escape.ts';

/** A text that is printed as it is: one of the template's own, or one whose parts from outside are escaped. */
export class OwnText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A value with arguments, such as docker's `.Label "name"`. */
export type Method = (...args: readonly unknown[]) => unknown;

export function isMethod(value: unknown): value is Method {
  return typeof value === 'function';
}

/** Whether it is an object with fields. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof OwnText);
}

export function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

/** Returns the text of a value, also of an `OwnText`; undefined for another kind of value. */
export function textOf(value: unknown): string | undefined {
  if (value instanceof OwnText) return value.text;
  return typeof value === 'string' ? value : undefined;
}

/**
 * Applies a function to a text. The function must not make unsafe characters of safe ones: an `OwnText` is not escaped
 * again.
 */
export function mapText(value: unknown, change: (text: string) => string): string | OwnText | undefined {
  const text = textOf(value);
  if (text === undefined) return undefined;
  return value instanceof OwnText ? new OwnText(change(text)) : change(text);
}

/** The kind of a value in plain words, for messages. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (textOf(value) !== undefined) return 'a text';
  if (isList(value)) return 'a list';
  if (isMethod(value)) return 'a function';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** Go's truth: not false, 0, nothing, nor an empty text, list or map. */
export function isTrue(value: unknown): boolean {
  const text = textOf(value);
  if (text !== undefined) return text !== '';
  if (isList(value)) return value.length > 0;
  if (isObject(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** The entries of an object in the order in which Go goes through a map. */
export function sortedEntries(value: Readonly<Record<string, unknown>>): readonly (readonly [string, unknown])[] {
  return Object.entries(value)
    .filter(([, inner]) => inner !== undefined && !isMethod(inner))
    .sort(([one], [other]) => (one < other ? -1 : 1));
}

/** How deep lists and objects are shown. */
const MAX_DEPTH = 50;

function formatInner(value: unknown, depth: number): string {
  if (value === null || value === undefined) return '<nil>';
  if (value instanceof OwnText) return value.text;
  if (depth > MAX_DEPTH) return '…';
  if (isList(value)) return `[${value.map((each) => formatInner(each, depth + 1)).join(' ')}]`;
  if (isObject(value)) {
    const entries = sortedEntries(value).map(([key, each]) => `${escapeText(key)}:${formatInner(each, depth + 1)}`);
    return `map[${entries.join(' ')}]`;
  }
  return escapeText(String(value));
}

/** Formats a value as Go prints it, escaped for a terminal: `[a b]`, `map[key:value]`, `<no value>`. */
export function formatValue(value: unknown): string {
  return value === null || value === undefined ? '<no value>' : formatInner(value, 0);
}

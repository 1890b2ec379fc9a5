import { formatJson } from '../show/escape.ts';
import { sprintf } from './printf.ts';
import { notFilled } from './template-error.ts';
import { formatValue, isList, isMethod, isObject, isTrue, kindOf, mapText, OwnText, textOf } from './values.ts';

/** A function of templates, with the fewest and the most arguments. */
interface TemplateFunction {
  readonly least: number;
  readonly most: number;
  readonly call: (args: readonly unknown[]) => unknown;
}

/** The fields whose keys are people's own, with texts as values: one that is missing is no mistake. */
const OPEN_MAPS: ReadonlySet<string> = new Set(['Labels', 'Attributes', 'Annotations', 'Options', 'Sysctls']);

/** Whether a missing key of the object in this field is nothing, as in docker, instead of a mistake. */
export function isOpenMap(field: string | undefined): boolean {
  return field !== undefined && OPEN_MAPS.has(field);
}

/** Replaces what JSON cannot say of a template's values. */
function forJson(value: unknown): unknown {
  return value instanceof OwnText ? value.text : value;
}

function textArgument(name: string, value: unknown): string {
  const text = textOf(value);
  if (text !== undefined) return text;
  throw notFilled(name, `it takes a text, not ${kindOf(value)}`);
}

function countArgument(name: string, value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  throw notFilled(name, `it takes a whole number, not ${kindOf(value)}`);
}

function itemOf(value: unknown, key: unknown): unknown {
  if (isList(value)) {
    const at = countArgument('index', key);
    if (at >= 0 && at < value.length) return value[at];
    throw notFilled('index', `there is no item ${at}: the list has ${value.length}, counted from 0`);
  }
  if (isObject(value)) {
    const name = textArgument('index', key);
    const found = Object.hasOwn(value, name) ? value[name] : undefined;
    if (found !== undefined && !isMethod(found)) return found;
    // Of a map of texts, a missing one is empty: Labels, for which people ask this way.
    return Object.values(value).every((each) => typeof each === 'string') ? '' : undefined;
  }
  const kind = value === '' ? 'nothing' : kindOf(value);
  throw notFilled('index', `${kind} has no items`, 'ask first: {{with .Field}}{{index . 0}}{{end}}');
}

function compared(name: string, one: unknown, other: unknown): number {
  const [first, second] = [textOf(one) ?? one, textOf(other) ?? other];
  if (typeof first === 'number' && typeof second === 'number') return first - second;
  if (typeof first === 'string' && typeof second === 'string')
    return Buffer.compare(Buffer.from(first), Buffer.from(second));
  throw notFilled(name, `it cannot compare ${kindOf(one)} with ${kindOf(other)}`, 'write a number without quotes');
}

function isEqual(name: string, one: unknown, other: unknown): boolean {
  const [first, second] = [textOf(one) ?? one ?? null, textOf(other) ?? other ?? null];
  if (first === null || second === null) return first === second;
  if (typeof first === typeof second && typeof first !== 'object') return first === second;
  throw notFilled(name, `it cannot compare ${kindOf(one)} with ${kindOf(other)}`, 'write a number without quotes');
}

function lengthOf(value: unknown): number {
  const text = textOf(value);
  // Go counts bytes.
  if (text !== undefined) return Buffer.byteLength(text);
  if (isList(value)) return value.length;
  if (isObject(value)) return Object.keys(value).length;
  if (value === null || value === undefined) return 0;
  throw notFilled('len', `${kindOf(value)} has no length`);
}

function sliceOf([value, from = 0, to]: readonly unknown[]): unknown {
  const size = lengthOf(value);
  const [start, end] = [countArgument('slice', from), to === undefined ? size : countArgument('slice', to)];
  if (start < 0 || end < start || end > size) {
    throw notFilled('slice', `${start} to ${end} is not inside of its length, ${size}`);
  }
  if (isList(value)) return value.slice(start, end);
  const part = mapText(value, (text) => Buffer.from(text).subarray(start, end).toString());
  if (part === undefined) throw notFilled('slice', `${kindOf(value)} cannot be cut`);
  return part;
}

function join([list, separator]: readonly unknown[]): OwnText {
  if (!isList(list) && list !== null && list !== undefined)
    throw notFilled('join', `it takes a list, not ${kindOf(list)}`);
  textArgument('join', separator);
  return new OwnText((list ?? []).map(formatValue).join(formatValue(separator)));
}

/** Go's fmt.Sprint: spaces between two values of which none is a text. */
function print(values: readonly unknown[]): OwnText {
  const parts = values.map((value, at) => {
    const isApart = at > 0 && textOf(value) === undefined && textOf(values[at - 1]) === undefined;
    return `${isApart ? ' ' : ''}${formatValue(value)}`;
  });
  return new OwnText(parts.join(''));
}

function changed(name: string, value: unknown, change: (text: string) => string): string | OwnText {
  const text = mapText(value, change);
  if (text === undefined) throw notFilled(name, `it takes a text, not ${kindOf(value)}`);
  return text;
}

const titled = (text: string) => text.replace(/(?<![\p{L}\p{N}_])\p{L}/gu, (letter) => letter.toUpperCase());

function padded([value, before, after]: readonly unknown[]): OwnText {
  if (textArgument('pad', value) === '') return new OwnText('');
  const widths = [before, after].map((each) => Math.max(0, Math.min(countArgument('pad', each), 1000)));
  const [left = '', right = ''] = widths.map((width) => ' '.repeat(width));
  return new OwnText(`${left}${formatValue(value)}${right}`);
}

const one = (call: (value: unknown) => unknown): TemplateFunction => ({
  least: 1,
  most: 1,
  call: ([value]) => call(value),
});
const two = (call: (first: unknown, second: unknown) => unknown): TemplateFunction => ({
  least: 2,
  most: 2,
  call: ([first, second]) => call(first, second),
});
const some = (least: number, call: TemplateFunction['call']): TemplateFunction => ({ least, most: Infinity, call });

/** Go's functions and docker's. `and` and `or` are called with values that the filling evaluated one by one. */
const FUNCTIONS: ReadonlyMap<string, TemplateFunction> = new Map(
  Object.entries({
    and: some(1, (values) => values.at(-1)),
    or: some(1, (values) => values.at(-1)),
    not: one((value) => !isTrue(value)),
    eq: some(2, ([first, ...others]) => others.some((other) => isEqual('eq', first, other))),
    ne: two((first, second) => !isEqual('ne', first, second)),
    lt: two((first, second) => compared('lt', first, second) < 0),
    le: two((first, second) => compared('le', first, second) <= 0),
    gt: two((first, second) => compared('gt', first, second) > 0),
    ge: two((first, second) => compared('ge', first, second) >= 0),
    index: some(1, ([value, ...keys]) => keys.reduce(itemOf, value)),
    slice: { least: 1, most: 3, call: sliceOf },
    len: one(lengthOf),
    print: some(0, print),
    println: some(0, (values) => new OwnText(`${values.map(formatValue).join(' ')}\n`)),
    printf: some(1, ([format, ...values]) => {
      textArgument('printf', format);
      return new OwnText(sprintf(formatValue(format), values));
    }),
    json: one((value) => new OwnText(formatJson(forJson(value) ?? null))),
    join: two((list, separator) => join([list, separator])),
    split: two((text, separator) => textArgument('split', text).split(textArgument('split', separator))),
    upper: one((value) => changed('upper', value, (text) => text.toUpperCase())),
    lower: one((value) => changed('lower', value, (text) => text.toLowerCase())),
    title: one((value) => changed('title', value, titled)),
    pad: { least: 3, most: 3, call: padded },
    truncate: two((value, length) =>
      changed('truncate', value, (text) => [...text].slice(0, Math.max(0, countArgument('truncate', length))).join('')),
    ),
  } satisfies Record<string, TemplateFunction>),
);

/** The functions that a template may call. */
export const FUNCTION_NAMES: ReadonlySet<string> = new Set(FUNCTIONS.keys());

/** The functions that docker leaves out in the heading of a table: there, a text stays as it is. */
export const SHOWING: ReadonlySet<string> = new Set('json split join title lower upper pad truncate'.split(' '));

/** Calls a function. @throws USAGE */
export function callFunction(name: string, args: readonly unknown[]): unknown {
  const found = FUNCTIONS.get(name);
  if (found === undefined) throw notFilled(name, 'there is no such function');
  const { least, most, call } = found;
  if (args.length < least || args.length > most) {
    const wanted = least === most ? `${least}` : most === Infinity ? `${least} or more` : `${least} to ${most}`;
    throw notFilled(name, `it takes ${wanted} arguments, not ${args.length}`);
  }
  return call(args);
}

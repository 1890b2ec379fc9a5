import { parseByteSize } from '../../byte-size.ts';
import { TsimgError } from '../../errors.ts';

/** Checks the value of an option, which is not undefined. @throws USAGE with the option's name */
export type Check = (option: string, value: unknown) => void;

/** A check for each option: the compiler finds one that is forgotten. */
export type Checks<Options> = { readonly [Name in keyof Required<Options>]: Check };

/** The most characters of a wrong value that an error shows. */
const SHOWN = 100;

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, SHOWN));
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}

/** The error for a value that an option does not take. @param wanted says what it takes */
export function wrongValue(option: string, value: unknown, wanted: string): TsimgError {
  return new TsimgError('USAGE', 'not what the option takes', { where: `${option}: ${shown(value)}`, hint: wanted });
}

/** A check by one question. */
export function takes(wanted: string, isRight: (value: unknown) => boolean): Check {
  return (option, value) => {
    if (!isRight(value)) throw wrongValue(option, value, wanted);
  };
}

/** Whether a value is an object, and no list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether an object has methods of these names: what a program gives need not be of a class of this Node. */
export function hasMethods(value: unknown, ...names: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return names.every((name) => name in value && typeof Reflect.get(value, name) === 'function');
}

/** A Uint8Array of any realm, as those of test runners. */
export function isBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === '[object Uint8Array]';
}

function isSignal(value: unknown): boolean {
  return hasMethods(value, 'addEventListener', 'throwIfAborted');
}

const isText = (value: unknown) => typeof value === 'string';
const isTextOrNumber = (value: unknown) => isText(value) || Number.isFinite(value);
const isValue = (value: unknown) => isTextOrNumber(value) || typeof value === 'boolean' || value === undefined;
const isListOf = (isItem: (item: unknown) => boolean) => (value: unknown) =>
  Array.isArray(value) && value.every(isItem);
const isRecordOf = (isItem: (item: unknown) => boolean) => (value: unknown) =>
  isObject(value) && Object.values(value).every(isItem);

export const text = takes('a text', isText);
export const flag = takes('true or false', (value) => typeof value === 'boolean');
export const texts = takes('a list of texts', isListOf(isText));
export const action = takes('a function', (value) => typeof value === 'function');
export const object = takes('an object', isObject);
export const textOrTexts = takes('a text or a list of texts', (value) => isText(value) || isListOf(isText)(value));
export const textOrObject = takes('a text or an object', (value) => isText(value) || isObject(value));
export const textOrNumber = takes('a text or a number', isTextOrNumber);
export const textsOrNumbers = takes('a list of texts and numbers', isListOf(isTextOrNumber));
export const values = takes('an object with texts, numbers and true or false as values', isRecordOf(isValue));
export const objectOrTexts = takes(
  'an object with texts, numbers and true or false as values, or a list of texts',
  (value) => isListOf(isText)(value) || isRecordOf(isValue)(value),
);
export const date = takes('a Date', (value) => hasMethods(value, 'getTime'));
export const signal = takes('an AbortSignal', isSignal);

/** A text that no error may show. */
export const secret: Check = (option, value) => {
  if (!isText(value)) throw new TsimgError('USAGE', 'not what the option takes', { where: option, hint: 'a text' });
};

/** One of some texts. */
export function oneOf(...values: readonly string[]): Check {
  return takes(`one of ${values.join(', ')}`, (value) => isText(value) && values.some((each) => each === value));
}

/** A size: bytes, or a text with a unit. @param least the least number of bytes @param others numbers with a meaning */
export function size(least = 1, ...others: readonly number[]): Check {
  const wanted = `bytes, or a text such as 64m; at least ${least}${others.map((each) => `, or ${each}`).join('')}`;
  return takes(wanted, (value) => {
    const given = typeof value === 'string' && !/^-[0-9]+$/.test(value) ? parseByteSize(value) : Number(value);
    if (given === undefined || !Number.isSafeInteger(given)) return false;
    return (given >= least || others.includes(given)) && isTextOrNumber(value);
  });
}

/** Letters that have to be put in, left out or changed to make one word of another. Wagner and Fischer, 1974 */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [at, letter] of [...one].entries()) {
    const next = [at + 1];
    for (const [index, wanted] of [...other].entries()) {
      const changed = (row[index] ?? 0) + (letter === wanted ? 0 : 1);
      next.push(Math.min(changed, (row[index + 1] ?? 0) + 1, (next[index] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

/** The distance of a word that begins another: more than that of one wrong letter. */
const ALIKE = 1.5;

/** The option that was meant: a name that begins alike, or is misspelt a little. */
function meant(name: string, names: readonly string[]): string | undefined {
  const [given, ...all] = [name, ...names].map((each) => each.toLowerCase());
  if (given === undefined || given.length > SHOWN) return undefined;
  const distances = all.map((each) =>
    given.startsWith(each) || (given.length > 2 && each.startsWith(given)) ? ALIKE : distance(given, each),
  );
  const least = Math.min(...distances);
  return least <= Math.max(ALIKE, given.length / 4) ? names[distances.indexOf(least)] : undefined;
}

/**
 * An object with options of its own, which are named behind its name: `limits.maxSize`.
 * @param needed those that must be there
 */
export function objectOf<Options>(checks: Checks<Options>, ...needed: readonly (string & keyof Options)[]): Check {
  return (option, value) => {
    if (!isObject(value)) throw wrongValue(option, value, 'an object');
    checkOptions(option, value, checks, `${option}.`);
    for (const name of needed) if (value[name] === undefined) checks[name](`${option}.${name}`, undefined);
  };
}

/** A list, each item of which is checked under its place in it: `volumes[0]`. */
export function listOf(wanted: string, check: Check): Check {
  return (option, value) => {
    if (!Array.isArray(value)) throw wrongValue(option, value, wanted);
    for (const [index, item] of value.entries()) check(`${option}[${index}]`, item);
  };
}

/**
 * Checks that each given option exists and has a value of the right kind: a program without types may get both wrong.
 * @param of the function, or the option, whose options they are
 * @param before what stands before the name of each of them in an error
 * @throws USAGE
 */
export function checkOptions<Options>(of: string, options: unknown, checks: Checks<Options>, before = ''): void {
  if (!isObject(options)) throw wrongValue(`the options of ${of}`, options, 'an object');
  // It has no properties of its own: it would be an object without options.
  if (isSignal(options)) throw wrongValue(`the options of ${of}`, options, 'an object: { signal }');
  const known = new Map<string, Check>(Object.entries<Check>(checks));
  for (const [name, value] of Object.entries(options)) {
    const check = known.get(name);
    if (check === undefined) {
      const right = meant(name, [...known.keys()]);
      throw new TsimgError('USAGE', `not an option of ${of}`, {
        where: name.slice(0, SHOWN),
        hint: right === undefined ? undefined : `did you mean ${right}?`,
      });
    }
    if (value !== undefined) check(`${before}${name}`, value);
  }
}

/** Checks a SOURCE, and the words of a command. @throws USAGE */
export function checkArguments(source: unknown, command: unknown): void {
  takes('a text', (value) => isText(value) && value !== '')('source', source);
  checkCommand(command);
}

/** Checks the words of a command. @param least the least number of words @throws USAGE */
export function checkCommand(command: unknown, least = 0): void {
  if (!Array.isArray(command)) throw wrongValue('command', command, "a list of texts, such as ['echo', 'hi']");
  const wrong = command.findIndex((word) => typeof word !== 'string');
  if (wrong >= 0) throw wrongValue(`command[${wrong}]`, command[wrong], 'a text');
  if (command.length < least) throw new TsimgError('USAGE', 'the command is empty', { hint: 'name a program' });
}

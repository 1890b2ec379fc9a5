import type * as z from './zod.ts';

/** Names of the kinds of values. */
const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  bigint: 'a number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  map: 'an object',
  array: 'a list',
  tuple: 'a list',
  null: 'null',
  date: 'a time',
};

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return KINDS[typeof value] ?? 'nothing';
}

/** `layers[0].digest` */
function pathOf(path: readonly PropertyKey[]): string {
  const parts = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`));
  return parts.join('').replace(/^\./, '');
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = new Map<PropertyKey, unknown>(Object.entries(value)).get(String(part));
  }
  return value;
}

/** The most characters of a value that are shown. */
const SHOWN = 40;

/**
 * Shows the value that stands where one of a few known values must stand. A long text, and anything but a text, a
 * number or a boolean, is told by its kind.
 */
function wrongValue(value: unknown): string {
  if (typeof value === 'string' && value.length <= SHOWN) return JSON.stringify(value);
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : kindOf(value);
}

/** The expected value; undefined where the schema's own message is better. */
function wanted(issue: z.core.$ZodIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return KINDS[issue.expected] ?? 'something else';
    case 'invalid_value':
      return issue.values.length === 1 ? String(issue.values[0]) : `one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return `${String(issue.minimum)} at least`;
    case 'too_big':
      return `${String(issue.maximum)} at most`;
    case 'invalid_union':
      return 'another kind of value';
    default:
      return undefined;
  }
}

/**
 * The first fault that a schema finds in a value, in plain words: the field, its value's kind, the expected one. Values
 * are not shown, because they may be secret or long: but for a short one in the place of one of a few known values.
 */
export function formatSchemaIssue(error: z.core.$ZodError, root: unknown): string {
  const [issue] = error.issues;
  if (issue === undefined) return 'it is not as it should be';
  const place = pathOf(issue.path);
  const field = place === '' ? 'it' : `field ${place}`;
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys.map((key) => pathOf([...issue.path, key])).join(', ');
    return `field ${keys}: not known`;
  }
  const found = valueAt(root, issue.path);
  if (found === undefined && (issue.code === 'invalid_type' || issue.code === 'invalid_value'))
    return `${field} is missing`;
  const want = wanted(issue);
  if (want !== undefined && (issue.code === 'too_small' || issue.code === 'too_big')) return `${field} must be ${want}`;
  const shown = issue.code === 'invalid_value' ? wrongValue(found) : kindOf(found);
  if (want !== undefined) return `${field} is ${shown}, but must be ${want}`;
  // Zod's own messages begin with "Invalid"; others are those of our schemas.
  const own = /^Invalid /.test(issue.message) ? 'not well-formed' : issue.message;
  return `${field}: ${own}`;
}

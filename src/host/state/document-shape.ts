// What a document of ours must look like before its fields are believed: a crash, a full disk or an editor may have
// changed it.

/** Whether a value is what it should be. */
export type Check = (value: unknown) => boolean;

export const isText: Check = (value) => typeof value === 'string';
export const isFlag: Check = (value) => typeof value === 'boolean';
export const isCount: Check = (value) => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

/** One of these values. */
export function oneOf(...values: readonly unknown[]): Check {
  return (value) => values.includes(value);
}

/** The same, or nothing. */
export function optional(check: Check): Check {
  return (value) => value === undefined || check(value);
}

export function listOf(check: Check): Check {
  return (value) => Array.isArray(value) && value.every(check);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object whose values all are so. */
export function mapOf(check: Check): Check {
  return (value) => isObject(value) && Object.values(value).every(check);
}

/** An object with these fields at least. */
export function fields(checks: Readonly<Record<string, Check>>): Check {
  return (value) => {
    if (!isObject(value)) return false;
    const found = new Map(Object.entries(value));
    return Object.entries(checks).every(([name, check]) => check(found.get(name)));
  };
}

/** Either of two. */
export function either(one: Check, other: Check): Check {
  return (value) => one(value) || other(value);
}

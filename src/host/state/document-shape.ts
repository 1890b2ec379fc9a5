// Checks of tsimg's own documents before their fields are used: a crash, a full disk or an editor may have changed
// them.

/** Whether a value has the expected shape. */
export type Check = (value: unknown) => boolean;

export const isText: Check = (value) => typeof value === 'string';
export const isFlag: Check = (value) => typeof value === 'boolean';
export const isCount: Check = (value) => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

/** Accepts one of these values. */
export function oneOf(...values: readonly unknown[]): Check {
  return (value) => values.includes(value);
}

/** Accepts undefined, or a value that passes the check. */
export function optional(check: Check): Check {
  return (value) => value === undefined || check(value);
}

export function listOf(check: Check): Check {
  return (value) => Array.isArray(value) && value.every(check);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Accepts an object whose values all pass the check. */
export function mapOf(check: Check): Check {
  return (value) => isObject(value) && Object.values(value).every(check);
}

/** Accepts an object with at least these fields. */
export function fields(checks: Readonly<Record<string, Check>>): Check {
  return (value) => {
    if (!isObject(value)) return false;
    const found = new Map(Object.entries(value));
    return Object.entries(checks).every(([name, check]) => check(found.get(name)));
  };
}

/** Accepts a value that passes one of two checks. */
export function either(one: Check, other: Check): Check {
  return (value) => one(value) || other(value);
}

import { isObject, takes } from './check-options.ts';

/** Filters of docker: a value or several by key, or a list of `KEY=VALUE`. */
export type Filters = readonly string[] | Readonly<Record<string, string | readonly string[]>>;

const isText = (value: unknown) => typeof value === 'string';
const isTextOrTexts = (value: unknown) => (Array.isArray(value) ? value.every(isText) : isText(value));

export const filters = takes('an object with texts or lists of texts as values, or a list of texts', (value) =>
  Array.isArray(value) ? value.every(isText) : isObject(value) && Object.values(value).every(isTextOrTexts),
);

function isList(given: Filters): given is readonly string[] {
  return Array.isArray(given);
}

/** Returns filters as `KEY=VALUE`. */
export function filtersOf(given: Filters = []): readonly string[] {
  if (isList(given)) return given;
  return Object.entries(given).flatMap(([key, values]) => [values].flat().map((value) => `${key}=${value}`));
}

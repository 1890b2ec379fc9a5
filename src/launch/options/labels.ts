import { TsimgError } from '../../errors.ts';

/** Parses `NAME=value` and `NAME`. Returns the values by name; the last one of a name wins. @throws USAGE */
export function parseLabels(texts: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    texts.map((text) => {
      const [, name, value] = /^([^=]+)(?:=([\s\S]*))?$/.exec(text) ?? [];
      if (name === undefined) throw new TsimgError('USAGE', 'not a label', { where: text, hint: 'NAME=value or NAME' });
      return [name, value ?? ''];
    }),
  );
}

/** Whether labels match a filter, `NAME=value` or `NAME`. */
export function hasLabel(labels: Readonly<Record<string, string>>, filter: string): boolean {
  const [, name = filter, value] = /^([^=]+)=([\s\S]*)$/.exec(filter) ?? [];
  return Object.hasOwn(labels, name) && (value === undefined || labels[name] === value);
}

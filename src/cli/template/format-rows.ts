import { formatJson } from '../show/escape.ts';
import { formatTable } from '../show/format-table.ts';
import { fillHeading, fillTemplate } from './fill-template.ts';
import { parseTemplate } from './parse-template.ts';
import { notFilled } from './template-error.ts';
import { type Method, textOf } from './values.ts';

/** A row's fields under docker's names: texts, and methods such as `.Label "name"`. */
export type Row = Readonly<Record<string, string | Method>>;

/** Returns docker's `.Label "name"` of a row: the label's value, or ''. */
export function labelMethod(labels: Readonly<Record<string, string>>): Method {
  return (name) => {
    const wanted = textOf(name);
    if (wanted === undefined) throw notFilled('.Label', 'it takes the name of a label', 'write {{.Label "name"}}');
    return Object.hasOwn(labels, wanted) ? labels[wanted] : '';
  };
}

/** docker's heading of `.Label "com.example.tier"`: `tier`. */
const labelHeading: Method = (name) => (textOf(name)?.split('.').at(-1) ?? '').replace(/[-_]/g, ' ');

/**
 * Formats rows by docker's `--format`: `json` (an object for each line), a template for each line, or `table TEMPLATE`.
 * @param headings by field, where docker's heading is not the field's name in capitals
 * @throws USAGE
 */
export function formatRows(
  format: string,
  rows: readonly Row[],
  headings: Readonly<Record<string, string>>,
): readonly string[] {
  if (format === 'json') return rows.map((row) => formatJson(row));
  const [, table] = /^table\s+([\s\S]*)$/.exec(format) ?? [];
  const template = parseTemplate(table ?? format);
  const lines = rows.map((row) => fillTemplate(template, row));
  if (table === undefined) return lines;
  const named = [...template.fields].map((name) => [name, headings[name] ?? name.toUpperCase()] as const);
  const heading = fillHeading(template, { ...Object.fromEntries(named), Label: labelHeading });
  return [
    formatTable(
      heading.split('\t'),
      lines.map((line) => line.split('\t')),
    ),
  ];
}

import { formatJson } from '../show/escape.ts';
import { formatTable } from '../show/format-table.ts';
import { fillHeading, fillTemplate } from './fill-template.ts';
import { parseTemplate } from './parse-template.ts';
import { notFilled } from './template-error.ts';
import type { Template } from './template-node.ts';
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

/** How rows are shown as a table. */
export interface TableForm {
  /** The template of a line without `--format`, and with docker's `--format table`. */
  readonly columns: string;
  /** By field, where docker's heading is not the field's name in capitals. */
  readonly headings: Readonly<Record<string, string>>;
}

/** Returns the template of a `--format`, and whether it is that of a table. @throws USAGE */
function templateOf(
  format: string | undefined,
  columns: string,
): { readonly template: Template; readonly isTable: boolean } {
  if (format === undefined || format === 'table') return { template: parseTemplate(columns), isTable: true };
  const [, table] = /^table\s+([\s\S]*)$/.exec(format) ?? [];
  return { template: parseTemplate(table ?? format), isTable: table !== undefined };
}

/** Whether a `--format` names a field. `json` takes those that there are, and names none. @throws USAGE */
export function namesField(format: string | undefined, field: string): boolean {
  return format !== 'json' && templateOf(format, '').template.fields.has(field);
}

/**
 * Formats rows by docker's `--format`: `json` (an object for each line), a template for each line, `table TEMPLATE`, or
 * `table` alone, as without it.
 * @throws USAGE
 */
export function formatRows(
  format: string | undefined,
  rows: readonly Row[],
  { columns, headings }: TableForm,
): readonly string[] {
  if (format === 'json') return rows.map((row) => formatJson(row));
  const { template, isTable } = templateOf(format, columns);
  const lines = rows.map((row) => fillTemplate(template, row));
  if (!isTable) return lines;
  const named = [...template.fields].map((name) => [name, headings[name] ?? name.toUpperCase()] as const);
  const heading = fillHeading(template, { ...Object.fromEntries(named), Label: labelHeading });
  return [
    formatTable(
      heading.split('\t'),
      lines.map((line) => line.split('\t')),
    ),
  ];
}

import { formatJson } from './escape.ts';
import { formatTable } from './format-table.ts';
import { fillTemplate, parseTemplate, templateFields } from './format-template.ts';

/**
 * Formats rows by docker's `--format`: `json` (an object for each line), a template for each line, or `table TEMPLATE`.
 * @param headings by field, where docker's heading is not the field's name in capitals
 * @throws USAGE
 */
export function formatRows(
  format: string,
  rows: readonly Readonly<Record<string, string>>[],
  headings: Readonly<Record<string, string>>,
): readonly string[] {
  if (format === 'json') return rows.map((row) => formatJson(row));
  const [, table] = /^table\s+([\s\S]*)$/.exec(format) ?? [];
  const template = parseTemplate(table ?? format);
  const lines = rows.map((row) => fillTemplate(template, row));
  if (table === undefined) return lines;
  const heading = templateFields(template).map((name) => headings[name] ?? name.toUpperCase());
  const cells = lines.map((line) => line.split('\t'));
  return [formatTable(heading, cells)];
}

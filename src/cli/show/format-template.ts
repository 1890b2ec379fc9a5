import { TsimgError } from '../../errors.ts';
import { escapeText, formatJson } from './escape.ts';

// The part of Go's templates that is common with docker: `{{.State.Pid}}`, `{{json .Config}}`, `{{.ID}}\t{{.Names}}`.

type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'field'; readonly path: readonly string[]; readonly json: boolean };

/** A parsed template. */
export type Template = readonly Part[];

const FIELD = /^(json\s+)?(\.|(?:\.[A-Za-z_][A-Za-z0-9_]*)+)$/;

function readEscapes(text: string): string {
  return text.replace(/\\([nt])/g, (_, letter: string) => (letter === 'n' ? '\n' : '\t'));
}

/** Parses the template of `--format`. @throws USAGE for a part that is not supported */
export function parseTemplate(text: string): Template {
  return text.split(/(\{\{.*?\}\})/s).map((part): Part => {
    if (!part.startsWith('{{')) return { kind: 'text', text: readEscapes(part) };
    const [, json, path = ''] = FIELD.exec(part.slice(2, -2).trim()) ?? [];
    if (path === '') {
      throw new TsimgError('USAGE', 'not a format', {
        where: part,
        hint: 'use {{.Field}}, {{.Field.Inner}} or {{json .Field}}; for more use --json and jq',
      });
    }
    return { kind: 'field', path: path.split('.').filter((name) => name !== ''), json: json !== undefined };
  });
}

function lookUp(value: unknown, path: readonly string[]): unknown {
  let found = value;
  for (const name of path) {
    const inner =
      typeof found === 'object' && found !== null && Object.hasOwn(found, name)
        ? new Map<string, unknown>(Object.entries(found)).get(name)
        : undefined;
    if (inner === undefined) {
      throw new TsimgError('USAGE', 'no such field', {
        where: `.${path.join('.')}`,
        hint: '--json shows all fields of inspect; of a list, {{json .}}',
      });
    }
    found = inner;
  }
  return found;
}

/**
 * Fills a template. Values are escaped for a terminal; lists and objects become JSON.
 * @throws USAGE for a field that the value does not have
 */
export function fillTemplate(template: Template, value: unknown): string {
  return template
    .map((part) => {
      if (part.kind === 'text') return part.text;
      const found = lookUp(value, part.path);
      return typeof found === 'object' || part.json ? formatJson(found) : escapeText(String(found));
    })
    .join('');
}

/** Returns the fields of a template, for the heading of a table. */
export function templateFields(template: Template): readonly string[] {
  return template.flatMap((part) => (part.kind === 'field' ? [part.path.join('.')] : []));
}

import { TsimgError } from '../../errors.ts';
import { escapeText, formatJson } from './escape.ts';

// The part of Go's templates that docker's users type: `{{.State.Pid}}`, `{{json .Config}}`, `{{.ID}}\t{{.Names}}`.

type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'field'; readonly path: readonly string[]; readonly json: boolean };

/** A template that was read. */
export type Template = readonly Part[];

const FIELD = /^(json\s+)?(\.|(?:\.[A-Za-z_][A-Za-z0-9_]*)+)$/;

function readEscapes(text: string): string {
  return text.replace(/\\([nt])/g, (_, letter: string) => (letter === 'n' ? '\n' : '\t'));
}

/** `--format TEXT`. @throws USAGE for what of a template is not known here */
export function parseTemplate(text: string): Template {
  return text.split(/(\{\{.*?\}\})/s).map((part): Part => {
    if (!part.startsWith('{{')) return { kind: 'text', text: readEscapes(part) };
    const [, json, path = ''] = FIELD.exec(part.slice(2, -2).trim()) ?? [];
    if (path === '') {
      throw new TsimgError('USAGE', 'not a format', {
        where: part,
        hint: '{{.Field}}, {{.Field.Inner}} or {{json .Field}}; --json and jq do the rest',
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
    if (inner === undefined) throw new TsimgError('USAGE', 'no such field', { where: `.${path.join('.')}` });
    found = inner;
  }
  return found;
}

/** Fills a template in: values are escaped for a terminal, lists and objects are shown as JSON. @throws USAGE for a field that is not there */
export function fillTemplate(template: Template, value: unknown): string {
  return template
    .map((part) => {
      if (part.kind === 'text') return part.text;
      const found = lookUp(value, part.path);
      return typeof found === 'object' || part.json ? formatJson(found) : escapeText(String(found));
    })
    .join('');
}

/** The fields that a template shows: the heading of a table. */
export function templateFields(template: Template): readonly string[] {
  return template.flatMap((part) => (part.kind === 'field' ? [part.path.join('.')] : []));
}

import { isKeyOf } from './auth-file.ts';
import type { KeptCredentials } from './credential-helper.ts';

/** docker and podman indent their files so. */
const INDENT = '\t';
/** The fields of an entry that a login replaces. */
const OWN_FIELDS = new Set(['auth', 'username', 'password', 'identitytoken', 'registrytoken']);

type Fields = readonly (readonly [name: string, value: unknown])[];

/** The members of a JSON object, in order; none of any other value. */
function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
}

function parse(text: string): { readonly whole: Fields; readonly auths: Fields } {
  const whole = fieldsOf(text.trim() === '' ? {} : JSON.parse(text));
  return { whole, auths: fieldsOf(whole.find(([name]) => name === 'auths')?.[1]) };
}

/** Writes the whole again with other entries, in the place of the old ones, with the indentation of the old text. */
function format(text: string, whole: Fields, auths: Fields): string {
  const indent = /^\s*\{\r?\n([ \t]+)"/.exec(text)?.[1] ?? INDENT;
  const entries = Object.fromEntries(auths);
  const fields = whole.some(([name]) => name === 'auths')
    ? whole.map(([name, value]) => [name, name === 'auths' ? entries : value] as const)
    : [...whole, ['auths', entries] as const];
  return `${JSON.stringify(Object.fromEntries(fields), null, indent)}\n`;
}

function entryOf(old: unknown, { username, password, identityToken }: KeptCredentials): unknown {
  const others = fieldsOf(old).filter(([name]) => !OWN_FIELDS.has(name));
  // Beside an identity token, docker keeps the user name alone.
  const secret = identityToken === undefined ? password : '';
  const auth = Buffer.from(`${username}:${secret}`).toString('base64');
  const token = identityToken === undefined ? [] : [['identitytoken', identityToken] as const];
  return Object.fromEntries([...others, ['auth', auth], ...token]);
}

/**
 * Returns the text of a file of credentials with an entry more, or with another one in its place. All other entries and
 * fields stay. The text is one that `parseAuthFile` takes, or empty.
 * @param name what is logged in to; an entry under it in any spelling, or under docker's URL of it, is replaced
 * @param key the name of a new entry
 */
export function withEntry(text: string, name: string, key: string, kept: KeptCredentials): string {
  const { whole, auths } = parse(text);
  const old = auths.find(([each]) => isKeyOf(each, name));
  const entry = [old?.[0] ?? key, entryOf(old?.[1], kept)] as const;
  const others = auths.filter((each) => each === old || !isKeyOf(each[0], name));
  const changed = old === undefined ? [...others, entry] : others.map((each) => (each === old ? entry : each));
  return format(text, whole, changed);
}

/**
 * Returns the text without the entries under this name in any spelling, or under docker's URL of it; undefined where
 * there is none. Without a name, all entries go.
 */
export function withoutEntries(text: string, name?: string): string | undefined {
  const { whole, auths } = parse(text);
  const others = name === undefined ? [] : auths.filter(([each]) => !isKeyOf(each, name));
  return others.length === auths.length ? undefined : format(text, whole, others);
}

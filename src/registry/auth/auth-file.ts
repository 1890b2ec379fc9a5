import { TsimgError } from '../../errors.ts';
import { optional } from '../../oci/descriptor-schema.ts';
import { canonicalName, type Reference } from '../../oci/reference.ts';
import { formatSchemaIssue } from '../../schema/schema-issue.ts';
import * as z from '../../schema/zod.ts';

/**
 * Credentials for a registry. An identity token is exchanged for a registry token; a registry token is sent as it is.
 */
export type Credentials =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  /** `username`: who logged in, where the file tells it; no server needs it. */
  | { readonly kind: 'identity-token'; readonly token: string; readonly username?: string | undefined }
  | { readonly kind: 'registry-token'; readonly token: string };

interface Entry {
  readonly auth?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly identitytoken?: string | undefined;
  readonly registrytoken?: string | undefined;
}

/** The parts of containers-auth.json(5) and docker's config.json that hold credentials. */
export interface AuthFile {
  readonly auths: ReadonlyMap<string, Entry>;
  readonly credHelpers: ReadonlyMap<string, string>;
  readonly credsStore?: string | undefined;
}

const entrySchema = z.object({
  auth: optional(z.string()),
  username: optional(z.string()),
  password: optional(z.string()),
  identitytoken: optional(z.string()),
  registrytoken: optional(z.string()),
});

/** The keys come from outside; a Map has no prototype that they could reach. */
const mapOf = <T extends z.ZodMiniType>(value: T) =>
  z.pipe(
    z.nullish(z.record(z.string(), value)),
    z.transform((record): ReadonlyMap<string, z.infer<T>> => new Map(Object.entries(record ?? {}))),
  );

const fileSchema = z.object({
  auths: mapOf(entrySchema),
  credHelpers: mapOf(z.string()),
  credsStore: optional(z.string()),
});

/** An entry for a registry: credentials, or a program to ask. `explicit`: the program is named for this registry. */
export type Finding =
  | { readonly kind: 'credentials'; readonly credentials: Credentials }
  | { readonly kind: 'helper'; readonly name: string; readonly explicit: boolean };

/** Parses a file of credentials. `legacy`: ~/.dockercfg, which is the `auths` map alone. @throws DOCUMENT_INVALID */
export function parseAuthFile(text: string, where: string, legacy: boolean): AuthFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // No cause: a JSON error quotes the text, which holds passwords.
    throw new TsimgError('DOCUMENT_INVALID', 'file of credentials is not JSON', {
      where,
      hint: 'correct it, or name another file with --authfile or $REGISTRY_AUTH_FILE',
    });
  }
  const whole = legacy ? { auths: value } : value;
  const parsed = fileSchema.safeParse(whole);
  if (parsed.success) return parsed.data;
  const why = formatSchemaIssue(parsed.error, whole);
  throw new TsimgError('DOCUMENT_INVALID', 'file of credentials is not valid', { where, why });
}

/** Whether a key of a file, perhaps docker's URL, means this registry or namespace, in any spelling of its host. */
export function isKeyOf(key: string, name: string): boolean {
  return canonicalName(plainKey(key)) === canonicalName(name);
}

/** The keys for a repository, most specific first: `host/ns/repo`, `host/ns`, `host`. */
export function authKeys(registry: string, repository: string): readonly string[] {
  const parts = repository.split('/').filter(Boolean);
  const keys = parts.map((_, index) => [registry, ...parts.slice(0, parts.length - index)].join('/'));
  return [...keys, registry];
}

/** Reduces docker's URLs to hosts: `https://HOST/v2/` is HOST. Any other path is a namespace. */
function plainKey(key: string): string {
  return key.replace(/^https?:\/\//, '').replace(/\/(v[12]\/?)?$/, '');
}

function lookUp<T>(map: ReadonlyMap<string, T>, keys: readonly string[], usable: (value: T) => boolean): T | undefined {
  const entries = [...map].filter(([, value]) => usable(value));
  for (const key of keys) {
    const exact = entries.find(([name]) => name === key || plainKey(name) === key);
    const found = exact ?? entries.find(([name]) => isKeyOf(name, key));
    if (found !== undefined) return found[1];
  }
  return undefined;
}

/** @throws CREDENTIALS_INVALID when `auth` is not the base64 of USER:PASSWORD */
function credentialsOf(entry: Entry, where: string): Credentials | undefined {
  const text = Buffer.from(entry.auth ?? '', 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (entry.identitytoken) {
    const username = entry.username || text.slice(0, Math.max(colon, 0));
    return { kind: 'identity-token', token: entry.identitytoken, ...(username === '' ? {} : { username }) };
  }
  if (entry.registrytoken) return { kind: 'registry-token', token: entry.registrytoken };
  if (entry.auth) {
    if (colon < 1)
      throw new TsimgError('CREDENTIALS_INVALID', 'credentials are not valid', {
        where,
        why: 'auth is not USER:PASSWORD',
      });
    return { kind: 'basic', username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, '') };
  }
  if (entry.username) return { kind: 'basic', username: entry.username, password: entry.password ?? '' };
  return undefined;
}

/** Returns the program that holds a registry's credentials: its own, else that of all registries. */
export function helperOf(file: AuthFile, registry: string): { name: string; explicit: boolean } | undefined {
  const own = lookUp(file.credHelpers, [registry], Boolean);
  if (own) return { name: own, explicit: true };
  return file.credsStore ? { name: file.credsStore, explicit: false } : undefined;
}

/**
 * Finds the entries for a repository, best first: the helper of this registry, else the helper of all, then the file's
 * own credentials (podman's and docker's order). docker leaves `{}` where a helper holds the secret: an empty entry is
 * skipped. @throws CREDENTIALS_INVALID
 */
export function findingsIn(
  file: AuthFile,
  { registry, repository }: Pick<Reference, 'registry' | 'repository'>,
  where: string,
): readonly Finding[] {
  const findings: Finding[] = [];
  const helper = helperOf(file, registry);
  if (helper !== undefined) findings.push({ kind: 'helper', ...helper });
  const entry = lookUp(
    file.auths,
    authKeys(registry, repository),
    (value) => credentialsOf(value, where) !== undefined,
  );
  const credentials = entry === undefined ? undefined : credentialsOf(entry, where);
  if (credentials !== undefined) findings.push({ kind: 'credentials', credentials });
  return findings;
}

import { z } from 'zod';
import { TsimgError } from '../../errors.ts';
import { optional } from '../../oci/descriptor.ts';
import { formatSchemaIssue } from '../../schema-issue.ts';

/** What proves who asks. An identity token is exchanged for a registry token; that one is sent as it is. */
export type Credentials =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'identity-token'; readonly token: string }
  | { readonly kind: 'registry-token'; readonly token: string };

const entrySchema = z.object({
  auth: optional(z.string()),
  username: optional(z.string()),
  password: optional(z.string()),
  identitytoken: optional(z.string()),
  registrytoken: optional(z.string()),
});
type Entry = z.infer<typeof entrySchema>;

/** Keys are from outside: a Map has no prototype. */
const mapOf = <T extends z.ZodType>(value: T) =>
  z
    .record(z.string(), value)
    .nullish()
    .transform((record): ReadonlyMap<string, z.infer<T>> => new Map(Object.entries(record ?? {})));

const fileSchema = z.object({
  auths: mapOf(entrySchema),
  credHelpers: mapOf(z.string()),
  credsStore: optional(z.string()),
});

/** containers-auth.json(5) and docker's config.json, as far as they speak of credentials. */
export type AuthFile = z.infer<typeof fileSchema>;

/** What a file says of a registry: credentials, or the program to ask. `explicit`: named for this very registry. */
export type Finding =
  | { readonly kind: 'credentials'; readonly credentials: Credentials }
  | { readonly kind: 'helper'; readonly name: string; readonly explicit: boolean };

/**
 * Text of a file → its credentials. `legacy`: ~/.dockercfg, which is the `auths` map alone. @throws DOCUMENT_INVALID
 */
export function parseAuthFile(text: string, where: string, legacy: boolean): AuthFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // no cause: a JSON error quotes the text, which holds passwords
    throw new TsimgError('DOCUMENT_INVALID', 'file of credentials is not JSON', { where });
  }
  const whole = legacy ? { auths: value } : value;
  const parsed = fileSchema.safeParse(whole);
  if (parsed.success) return parsed.data;
  const why = formatSchemaIssue(parsed.error, whole);
  throw new TsimgError('DOCUMENT_INVALID', 'file of credentials is not valid', { where, why });
}

/** Names of Docker Hub in such files; `https://index.docker.io/v1/` is what docker writes. */
const HUB_NAMES = ['docker.io', 'index.docker.io', 'registry-1.docker.io'];

function hostNames(registry: string): readonly string[] {
  return registry === 'docker.io' ? HUB_NAMES : [registry];
}

/** `host/ns/repo`, `host/ns`, `host`: most to least specific. */
export function authKeys(registry: string, repository: string): readonly string[] {
  const parts = repository.split('/').filter(Boolean);
  const keys = parts.map((_, index) => [registry, ...parts.slice(0, parts.length - index)].join('/'));
  return [...keys, ...hostNames(registry)];
}

/**
 * docker writes hosts as URLs, with the API's version: `https://HOST/v2/` is HOST. A path of any other kind is a
 * namespace.
 */
function plainKey(key: string): string {
  return key.replace(/^https?:\/\//, '').replace(/\/(v[12]\/?)?$/, '');
}

function lookUp<T>(map: ReadonlyMap<string, T>, keys: readonly string[], usable: (value: T) => boolean): T | undefined {
  for (const key of keys) {
    for (const [name, value] of map) {
      if ((name === key || plainKey(name) === key) && usable(value)) return value;
    }
  }
  return undefined;
}

/** @throws CREDENTIALS_INVALID when `auth` is not the base64 of USER:PASSWORD */
function credentialsOf(entry: Entry, where: string): Credentials | undefined {
  if (entry.identitytoken) return { kind: 'identity-token', token: entry.identitytoken };
  if (entry.registrytoken) return { kind: 'registry-token', token: entry.registrytoken };
  if (entry.auth) {
    const text = Buffer.from(entry.auth, 'base64').toString('utf8');
    const colon = text.indexOf(':');
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

/**
 * What a file says of a repository, best first: the helper of this registry, the helper of all, its own entries
 * (podman's and docker's order). docker leaves `{}` where a helper holds the secret: such an entry says nothing.
 * @throws CREDENTIALS_INVALID
 */
export function findingsIn(file: AuthFile, registry: string, repository: string, where: string): readonly Finding[] {
  const findings: Finding[] = [];
  const own = lookUp(file.credHelpers, hostNames(registry), Boolean);
  if (own) findings.push({ kind: 'helper', name: own, explicit: true });
  else if (file.credsStore) findings.push({ kind: 'helper', name: file.credsStore, explicit: false });
  const entry = lookUp(
    file.auths,
    authKeys(registry, repository),
    (value) => credentialsOf(value, where) !== undefined,
  );
  const credentials = entry === undefined ? undefined : credentialsOf(entry, where);
  if (credentials !== undefined) findings.push({ kind: 'credentials', credentials });
  return findings;
}

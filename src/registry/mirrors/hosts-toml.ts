import { isAbsolute, join } from 'node:path';
import { parseGoDuration } from '../../oci/healthcheck.ts';
import * as z from '../../schema/zod.ts';
import { invalidFile, parseConfiguration } from './configuration-file.ts';

/** The purposes that a host serves: content by digest, resolving a tag, and taking content. */
export type Capability = 'pull' | 'resolve' | 'push';

/** A host as hosts.toml describes it. */
export interface HostEntry {
  /** Scheme, host and port; undefined for the registry itself. */
  readonly url: URL | undefined;
  /** The root of the protocol's paths on it: `/v2` unless the file overrides it. */
  readonly root: string;
  readonly capabilities: ReadonlySet<Capability>;
  /** False: certificates are not checked. Undefined: the file says nothing. */
  readonly tlsVerify: boolean | undefined;
  /** Files of authorities. */
  readonly ca: readonly string[];
  /** Files of client certificates, with their keys. */
  readonly client: readonly (readonly [certificate: string, key: string])[];
  /** A folder of certificates, as docker's `certs.d` has them. */
  readonly certificates?: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds until a connection must be there. Undefined: the file says nothing, or 0; tsimg's own limit counts. */
  readonly connectTimeout: number | undefined;
}

/** The content of a hosts.toml: hosts in their order, then the server. */
export interface HostsFile {
  readonly hosts: readonly (HostEntry & { readonly url: URL })[];
  /** The last host. */
  readonly server: HostEntry;
  /** The file, or the folder of certificates without one. */
  readonly file: string;
}

const text = z.string().check(z.maxLength(4096));
const texts = z.union([
  z.pipe(
    text,
    z.transform((one) => [one]),
  ),
  z.array(text).check(z.maxLength(100)),
]);
const pair = z.union([
  z.pipe(
    text,
    z.transform((one) => [one, one] as const),
  ),
  z.tuple([text, text]),
]);

/** The characters of a header's name and value; others would end it. RFC 9110, section 5 */
const headerName = z
  .string()
  .check(z.regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}$/, { error: 'not the name of a header' }));
const headerValue = z.string().check(z.regex(/^[\t\x20-\x7e]{0,8192}$/, { error: 'not the value of a header' }));

const hostSchema = z.object({
  capabilities: z._default(z.array(z.pipe(z.string().check(z.toLowerCase()), z.enum(['pull', 'resolve', 'push']))), []),
  ca: z._default(texts, []),
  client: z._default(
    z.union([
      z.pipe(
        text,
        z.transform((one) => [[one, one] as const]),
      ),
      z.array(pair).check(z.maxLength(100)),
    ]),
    [],
  ),
  skip_verify: z.optional(z.boolean()),
  header: z._default(
    z.record(
      headerName,
      z.union([
        z.pipe(
          headerValue,
          z.transform((one) => [one]),
        ),
        z.array(headerValue).check(z.maxLength(100)),
      ]),
    ),
    {},
  ),
  override_path: z._default(z.boolean(), false),
  dial_timeout: z.optional(z.string().check(z.maxLength(50))),
});

const fileSchema = z.extend(hostSchema, {
  server: z._default(text, ''),
  host: z._default(z.record(z.string(), hostSchema), {}),
});

const ALL: ReadonlySet<Capability> = new Set(['pull', 'resolve', 'push']);
/** Milliseconds of a duration in Go's words; undefined for none and for 0. */
function durationOf(content: string | undefined, file: string): number | undefined {
  if (content === undefined) return undefined;
  const nanoseconds = parseGoDuration(content);
  if (nanoseconds === undefined) throw invalidFile(file, `dial_timeout ${content} is not a duration such as 3s`);
  return nanoseconds === 0 ? undefined : Math.ceil(nanoseconds / 1e6);
}

function urlOf(name: string, file: string): URL {
  // As containerd, a name without a scheme is asked by HTTPS.
  const scheme = /^([^/]*):\/\//.exec(name)?.[1];
  if (scheme !== undefined && !/^https?$/i.test(scheme)) {
    throw invalidFile(file, `${name} begins with ${scheme}://, but a host is asked by https:// or http://`);
  }
  const spelled = scheme === undefined ? `https://${name}` : name;
  const url = URL.canParse(spelled) ? new URL(spelled) : undefined;
  if (url === undefined || url.hostname === '' || url.username !== '' || url.password !== '' || url.search !== '') {
    throw invalidFile(file, `${name} is not the URL of a host`);
  }
  return url;
}

function entryOf(
  table: z.infer<typeof hostSchema>,
  path: string,
  folder: string,
  file: string,
): Omit<HostEntry, 'url'> {
  const inFolder = (name: string) => (isAbsolute(name) ? name : join(folder, name));
  const bare = path.replace(/\/+$/, '');
  const root = table.override_path || bare.endsWith('/v2') ? bare : `${bare}/v2`;
  return {
    root,
    capabilities: table.capabilities.length === 0 ? ALL : new Set(table.capabilities),
    tlsVerify: table.skip_verify === undefined ? undefined : !table.skip_verify,
    ca: table.ca.map(inFolder),
    client: table.client.map(([certificate, key]) => [inFolder(certificate), inFolder(key)] as const),
    headers: Object.fromEntries(Object.entries(table.header).map(([name, values]) => [name, values.join(', ')])),
    connectTimeout: durationOf(table.dial_timeout, file),
  };
}

/** The content of a folder without hosts.toml, which has certificates: they are for the registry itself. */
export function certificatesOnly(folder: string): HostsFile {
  const nothing = { tlsVerify: undefined, ca: [], client: [], headers: {}, connectTimeout: undefined };
  const server = { url: undefined, root: '/v2', capabilities: ALL, certificates: folder, ...nothing };
  return { hosts: [], server, file: folder };
}

/**
 * Parses containerd's hosts.toml, which names the hosts that are asked in the place of a registry. Relative files are
 * in the folder of the file.
 * @throws REGISTRIES_INVALID
 */
export async function parseHostsToml(content: string, folder: string, file: string): Promise<HostsFile> {
  const whole = await parseConfiguration(fileSchema, content, file);
  const hosts = Object.entries(whole.host).map(([name, table]) => {
    const url = urlOf(name, file);
    return { url, ...entryOf(table, url.pathname, folder, file) };
  });
  const url = whole.server === '' ? undefined : urlOf(whole.server, file);
  return { hosts, server: { url, ...entryOf(whole, url?.pathname ?? '/', folder, file) }, file };
}

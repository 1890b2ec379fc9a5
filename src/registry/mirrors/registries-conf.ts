import * as z from '../../schema/zod.ts';
import { invalidFile, parseConfiguration } from './configuration-file.ts';

/** When a mirror is asked: for each reference, or only for those with or without a digest. */
export type PullFrom = 'all' | 'digest-only' | 'tag-only';

/** A place that is asked in the place of another one. */
export interface MirrorEntry {
  /** `HOST[:PORT][/NAMESPACE…]` */
  readonly location: string;
  readonly insecure: boolean;
  readonly pullFrom: PullFrom;
}

/** A `[[registry]]` table: what holds for the names that begin with its prefix. */
export interface RegistryEntry {
  readonly prefix: string;
  /** Empty: names are not rewritten. */
  readonly location: string;
  readonly insecure: boolean;
  readonly blocked: boolean;
  readonly mirrors: readonly MirrorEntry[];
  /** The file that says so. */
  readonly file: string;
}

const text = z.string().check(z.maxLength(4096));
const flag = z._default(z.boolean(), false);

const mirrorSchema = z.object({
  location: text,
  insecure: flag,
  'pull-from-mirror': z._default(z.enum(['', 'all', 'digest-only', 'tag-only']), 'all'),
});

const listSchema = z.optional(z.object({ registries: z._default(z.array(text).check(z.maxLength(10_000)), []) }));

const fileSchema = z.object({
  registry: z._default(
    z
      .array(
        z.object({
          prefix: z._default(text, ''),
          location: z._default(text, ''),
          insecure: flag,
          blocked: flag,
          'mirror-by-digest-only': flag,
          mirror: z._default(z.array(mirrorSchema).check(z.maxLength(1000)), []),
        }),
      )
      .check(z.maxLength(10_000)),
    [],
  ),
  aliases: z._default(z.record(z.string(), text), {}),
  // The first version of the format, which Debian and RHEL have shipped for long.
  registries: z.optional(z.object({ search: listSchema, insecure: listSchema, block: listSchema })),
});

type Table = z.infer<typeof fileSchema>['registry'][number];

const WILDCARD = /^\*\.[^*/:@]+$/;

function entryOf(table: Table, file: string): RegistryEntry {
  const trimmed = (name: string) => name.replace(/\/+$/, '');
  const location = trimmed(table.location);
  const prefix = trimmed(table.prefix) || location;
  if (prefix === '') throw invalidFile(file, 'a [[registry]] has neither prefix nor location');
  if (/:\/\//.test(prefix + location)) throw invalidFile(file, `${prefix} is a URL, not a name`);
  if (prefix.includes('*') && !WILDCARD.test(prefix)) throw invalidFile(file, `the prefix ${prefix} is not *.HOST`);
  if (location === '' && !prefix.startsWith('*')) throw invalidFile(file, `the prefix ${prefix} has no location`);
  const byDigest = table['mirror-by-digest-only'];
  const mirrors = table.mirror.map((mirror): MirrorEntry => {
    const own = mirror['pull-from-mirror'] || 'all';
    const where = trimmed(mirror.location);
    if (where === '' || /:\/\/|\*/.test(where)) throw invalidFile(file, `a mirror of ${prefix} has no location`);
    if (byDigest && own !== 'all') {
      throw invalidFile(file, `${prefix} has both mirror-by-digest-only and pull-from-mirror`);
    }
    return { location: where, insecure: mirror.insecure, pullFrom: byDigest ? 'digest-only' : own };
  });
  // A wildcard as its own location means no rewriting.
  const target = location.startsWith('*') ? '' : location;
  return { prefix, location: target, insecure: table.insecure, blocked: table.blocked, mirrors, file };
}

/** The content of one file. */
export interface RegistriesFile {
  readonly entries: readonly RegistryEntry[];
  /** Short names, and what they stand for; empty for a name that stands for nothing any more. */
  readonly aliases: ReadonlyMap<string, string>;
}

/**
 * Parses a registries.conf or a drop-in. containers-registries.conf(5), of both versions; what it says of
 * unqualified-search-registries and short-name-mode is left out (docs/decisions).
 * @throws REGISTRIES_INVALID
 */
export async function parseRegistriesConf(content: string, file: string): Promise<RegistriesFile> {
  const { registry, aliases, registries } = await parseConfiguration(fileSchema, content, file);
  const entries = registry.map((table) => entryOf(table, file));
  if (registries !== undefined && registry.length > 0) throw invalidFile(file, 'it has tables of two versions');
  const plain = { prefix: '', 'mirror-by-digest-only': false, mirror: [] };
  const first = [
    ...(registries?.insecure?.registries ?? []).map((location) => ({ ...plain, location, insecure: true })),
    ...(registries?.block?.registries ?? []).map((location) => ({ ...plain, location, blocked: true })),
  ].map((table) => entryOf({ insecure: false, blocked: false, ...table }, file));
  return { entries: [...entries, ...first], aliases: new Map(Object.entries(aliases)) };
}

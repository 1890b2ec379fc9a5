import { readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { Source } from '../../image/source.ts';
import { algorithmOf, type Digest, hexOf } from '../../oci/digest.ts';
import type { Reference } from '../../oci/reference.ts';
import { fetchLookaside } from '../../registry/lookaside.ts';
import type { RegistryOptions } from '../../registry/session.ts';
import { filesystemError } from '../../sys/file/filesystem-error.ts';
import { type Lookasides, lookasideOf, parseLookasides } from '../../verify/policy/registries-d.ts';

/** The most signatures that are read for one image. */
const MAX_SIGNATURES = 1000;

type Environment = Readonly<Record<string, string | undefined>>;

function homeOf({ HOME }: Environment): string {
  return HOME || homedir();
}

/** Reads the YAML files of the first registries.d folder that exists. @throws POLICY_INVALID, FILESYSTEM */
function readLookasides(env: Environment): Lookasides {
  const own = join(homeOf(env), '.config', 'containers', 'registries.d');
  for (const folder of [own, '/etc/containers/registries.d']) {
    try {
      const names = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
      return parseLookasides(
        names.toSorted().map((name) => ({ path: join(folder, name), text: readFileSync(join(folder, name), 'utf8') })),
      );
    } catch (error) {
      if (error instanceof TsimgError || errnoOf(error) !== 'ENOENT') {
        throw error instanceof TsimgError
          ? error
          : filesystemError('cannot read the lookaside configuration', folder, error);
      }
    }
  }
  return { byScope: new Map(), byDefault: undefined };
}

/** Returns the lookaside of hosts without a registries.d. containers-registries.d(5), "Built-in Defaults" */
function builtInLookaside(env: Environment): string {
  const folder =
    process.geteuid?.() === 0 ? '/var/lib/containers/sigstore' : join(homeOf(env), '.local/share/containers/sigstore');
  return pathToFileURL(folder).href;
}

/** The place of an image's signatures. */
interface Lookaside {
  readonly base: string;
  readonly reference: Reference;
  readonly digest: Digest;
}

/** Returns the URL of one signature. @throws POLICY_INVALID for a base that is not an http, https or file URL */
function signatureUrl({ base, reference, digest }: Lookaside, number: number): URL {
  const { repository } = reference;
  const place = `${repository}@${algorithmOf(digest)}=${hexOf(digest)}/signature-${number}`;
  const url = URL.canParse(base) ? new URL(base) : undefined;
  if (url === undefined || !/^(?:https?|file):$/.test(url.protocol) || (url.protocol === 'file:' && url.host !== '')) {
    throw new TsimgError('POLICY_INVALID', 'the lookaside configuration is not valid', {
      where: base,
      why: 'a lookaside is a URL that begins with http://, https:// or file:///',
      hint: 'correct it in registries.d',
    });
  }
  url.pathname = `${url.pathname.replace(/\/$/, '')}/${place}`;
  return url;
}

async function readSignature(url: URL, options: RegistryOptions): Promise<Buffer | undefined> {
  if (url.protocol !== 'file:') return fetchLookaside(url, options);
  try {
    return readFileSync(fileURLToPath(url));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw filesystemError('cannot read a signature', url.href, error);
  }
}

/** Reads `LOOKASIDE/NAME@sha256=HEX/signature-N` for N from 1 until one is missing. containers-registries.d(5) */
async function lookasideSignatures(at: Lookaside, options: RegistryOptions): Promise<readonly Buffer[]> {
  const found: Buffer[] = [];
  while (found.length < MAX_SIGNATURES) {
    const bytes = await readSignature(signatureUrl(at, found.length + 1), options);
    if (bytes === undefined) break;
    found.push(bytes);
  }
  return found;
}

/**
 * Reads the GPG signatures of an image: the files beside it, or those at its registry's lookaside.
 * @throws SIGNATURE_MISSING, POLICY_INVALID, FILESYSTEM, REGISTRY_…
 */
export async function gpgSignatures(
  source: Source,
  image: { readonly reference: Reference | undefined; readonly digests: readonly Digest[] },
  options: RegistryOptions,
): Promise<readonly Buffer[]> {
  const files = await source.signatureFiles?.(options.signal);
  // A file that begins with a zero byte is another kind of signature
  if (files !== undefined) return files.filter((bytes) => bytes[0] !== 0);
  const { reference, digests } = image;
  if (reference === undefined) return [];
  const env = options.env ?? process.env;
  const configured = lookasideOf(readLookasides(env), reference);
  const base = configured ?? builtInLookaside(env);
  const found: Buffer[] = [];
  for (const digest of digests) found.push(...(await lookasideSignatures({ base, reference, digest }, options)));
  if (found.length > 0) return found;
  throw new TsimgError('SIGNATURE_MISSING', `the image has no GPG signature at ${base}`, {
    where: `${reference.registry}/${reference.repository}`,
    hint: configured === undefined ? 'to name another place, set lookaside in a file of registries.d' : undefined,
  });
}

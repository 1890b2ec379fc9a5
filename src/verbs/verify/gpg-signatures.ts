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

/** As many signatures of one image as are looked at. */
const MAX_SIGNATURES = 1000;

type Environment = Readonly<Record<string, string | undefined>>;

function homeOf({ HOME }: Environment): string {
  return HOME || homedir();
}

/** The YAML files of the first registries.d folder that is there; none where none is. */
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
          : filesystemError('cannot read the places of signatures', folder, error);
      }
    }
  }
  return { byScope: new Map(), byDefault: undefined };
}

/** Where signatures lie that were made without a registries.d. containers-registries.d(5), "Built-in Defaults" */
function builtInLookaside(env: Environment): string {
  const folder =
    process.geteuid?.() === 0 ? '/var/lib/containers/sigstore' : join(homeOf(env), '.local/share/containers/sigstore');
  return pathToFileURL(folder).href;
}

/** @throws POLICY_INVALID for a base that is no URL of a kind that is read */
function signatureUrl(base: string, { repository }: Reference, digest: Digest, number: number): URL {
  const place = `${repository}@${algorithmOf(digest)}=${hexOf(digest)}/signature-${number}`;
  const url = URL.canParse(base) ? new URL(base) : undefined;
  if (url === undefined || !/^(?:https?|file):$/.test(url.protocol) || (url.protocol === 'file:' && url.host !== '')) {
    throw new TsimgError('POLICY_INVALID', 'the places of signatures cannot be read', {
      where: base,
      why: 'a lookaside is a URL with http://, https:// or file:///',
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

/** `LOOKASIDE/NAME@sha256=HEX/signature-N`, from 1 on. containers-registries.d(5) */
async function lookasideSignatures(
  base: string,
  reference: Reference,
  digest: Digest,
  options: RegistryOptions,
): Promise<readonly Buffer[]> {
  const found: Buffer[] = [];
  while (found.length < MAX_SIGNATURES) {
    const bytes = await readSignature(signatureUrl(base, reference, digest, found.length + 1), options);
    if (bytes === undefined) break;
    found.push(bytes);
  }
  return found;
}

/** The GPG signatures of an image: files beside it, or those at its registry's lookaside. */
export async function gpgSignatures(
  source: Source,
  image: { readonly reference: Reference | undefined; readonly digests: readonly Digest[] },
  options: RegistryOptions,
): Promise<readonly Buffer[]> {
  const files = await source.signatureFiles?.(options.signal);
  // What begins with a zero byte is another kind of signature
  if (files !== undefined) return files.filter((bytes) => bytes[0] !== 0);
  const { reference, digests } = image;
  if (reference === undefined) return [];
  const env = options.env ?? process.env;
  const configured = lookasideOf(readLookasides(env), reference);
  const base = configured ?? builtInLookaside(env);
  const found: Buffer[] = [];
  for (const digest of digests) found.push(...(await lookasideSignatures(base, reference, digest, options)));
  if (found.length > 0) return found;
  throw new TsimgError('SIGNATURE_MISSING', `no GPG signature of it lies at ${base}`, {
    where: `${reference.registry}/${reference.repository}`,
    hint: configured === undefined ? 'the lookaside of a file in registries.d says where they lie' : undefined,
  });
}

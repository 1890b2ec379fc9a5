import { readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { Source } from '../../image/source.ts';
import { type Digest, hexOf } from '../../oci/digest.ts';
import type { Reference } from '../../oci/reference.ts';
import { fetchLookaside } from '../../registry/lookaside.ts';
import type { RegistryOptions } from '../../registry/session.ts';
import { filesystemError } from '../../sys/file/filesystem-error.ts';
import { type Lookasides, lookasideOf, parseLookasides } from '../../verify/policy/registries-d.ts';

/** As many signatures of one image as are looked at. */
const MAX_SIGNATURES = 1000;

/** The YAML files of the first registries.d folder that is there; none where none is. */
function readLookasides(env: Readonly<Record<string, string | undefined>>): Lookasides {
  const home = env.HOME ?? homedir();
  for (const folder of [join(home, '.config', 'containers', 'registries.d'), '/etc/containers/registries.d']) {
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
  reference: Reference,
  digest: Digest,
  options: RegistryOptions,
): Promise<readonly Buffer[]> {
  const base = lookasideOf(readLookasides(options.env ?? process.env), reference);
  if (base === undefined) {
    throw new TsimgError('IMAGE_REJECTED', 'it is not said where GPG signatures lie', {
      where: `${reference.registry}/${reference.repository}`,
      hint: 'a file of registries.d names the lookaside of a registry',
    });
  }
  const found: Buffer[] = [];
  while (found.length < MAX_SIGNATURES) {
    const place = `${reference.repository}@sha256=${hexOf(digest)}/signature-${found.length + 1}`;
    const bytes = await readSignature(new URL(place, base.endsWith('/') ? base : `${base}/`), options);
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
  const found: Buffer[] = [];
  for (const digest of digests) found.push(...(await lookasideSignatures(reference, digest, options)));
  return found;
}

import { TsimgError } from '../errors.ts';
import type { Context } from '../events.ts';
import type { Source } from '../image/source.ts';
import type { Digest } from '../oci/digest.ts';
import { LAYOUT } from '../store/layout-files.ts';
import type { Files } from './files/files.ts';
import { claimedDigest, dockerSource, hasEditedConfig, readDockerImages } from './form/docker-archive.ts';
import type { DockerEntry } from './form/docker-manifest.ts';
import { openLayoutSource } from './form/layout-source.ts';
import { readLegacyImages } from './form/legacy-archive.ts';
import { openSkopeoDirSource } from './form/skopeo-dir.ts';
import { type Recognised, recognise } from './recognise.ts';

/** Names by image ID, as docker's list has them. */
function namesById(entries: readonly DockerEntry[]): ReadonlyMap<Digest, readonly string[]> {
  const names = new Map<Digest, readonly string[]>();
  for (const { config, repoTags } of entries) {
    const id = claimedDigest(config);
    if (id !== undefined && repoTags.length > 0) names.set(id, repoTags);
  }
  return names;
}

async function sourceOf(files: Files, found: Recognised, context: Context): Promise<Source | undefined> {
  const { signal, onEvent } = context;
  switch (found.kind) {
    case 'oci': {
      const unmarked = !found.marked;
      if (unmarked)
        onEvent?.({ kind: 'warning', message: `${files.label}: an OCI layout without its file oci-layout` });
      return openLayoutSource(files, { bareTags: true, unmarked, extraNames: namesById(found.entries) }, signal);
    }
    case 'docker':
      return dockerSource(files, await readDockerImages(files, found.entries, signal));
    case 'dir':
      return openSkopeoDirSource(files, signal);
    case 'legacy':
      return dockerSource(files, await readLegacyImages(files, found.repositories, signal));
    case 'other':
      return undefined;
  }
}

/** What a transport expects, of what files may be. */
const EXPECTED: Readonly<Record<string, readonly Recognised['kind'][]>> = {
  oci: ['oci'],
  'oci-archive': ['oci'],
  'docker-archive': ['docker', 'legacy'],
  dir: ['dir'],
};

/** What an OCI layout would have besides. */
async function missingOfLayout(files: Files): Promise<string | undefined> {
  const missing: string[] = [];
  for (const name of [LAYOUT.marker, LAYOUT.index]) if ((await files.size(name)) === undefined) missing.push(name);
  return missing.length === 0 ? undefined : `it has no ${missing.join(' and no ')}`;
}

/** A transport that the user named is a promise: what is something else is refused, not guessed at. */
async function expected(found: Recognised, transport: string, files: Files): Promise<Recognised> {
  if (EXPECTED[transport]?.includes(found.kind) === true) return found;
  // Since docker 25 one archive is both.
  if (transport === 'docker-archive' && found.kind === 'oci' && found.entries.length > 0) {
    return { kind: 'docker', entries: found.entries };
  }
  throw new TsimgError('ARCHIVE_INVALID', `not what ${transport}: says`, {
    where: files.label,
    why: transport.startsWith('oci') ? await missingOfLayout(files) : undefined,
    // A directory that is no form of an image is none without the transport either
    hint:
      found.kind === 'other' && files.names === undefined
        ? undefined
        : 'leave the transport out, and the content decides',
  });
}

/**
 * Files as a source, by what they hold; undefined when they are no form of an image. Closing the source closes the
 * files; when there is none the caller does.
 * @throws ARCHIVE_INVALID, DOCUMENT_INVALID, BLOB_NOT_FOUND, DIGEST_MISMATCH, FORMAT_UNSUPPORTED
 */
export async function openFiles(files: Files, transport?: string, context: Context = {}): Promise<Source | undefined> {
  const found = await recognise(files, context.signal);
  if (transport !== undefined) return sourceOf(files, await expected(found, transport, files), context);
  // As a layout an archive with an edited config is damaged; as docker's, which it is as well, it can be taken
  const isEdited = found.kind === 'oci' && (await hasEditedConfig(files, found.entries, context.signal));
  return sourceOf(files, isEdited ? { kind: 'docker', entries: found.entries } : found, context);
}

import { realpathSync } from 'node:fs';
import { errnoOf, TsimgError } from '../errors.ts';
import type { Context } from '../events.ts';
import type { Source, SourcePlace } from '../image/source.ts';
import type { Digest } from '../oci/digest.ts';
import { LAYOUT } from '../store/layout-names.ts';
import { filesystemError } from '../sys/file/filesystem-error.ts';
import type { Files } from './files/files.ts';
import { claimedDigest, dockerSource, hasEditedConfig, readDockerImages } from './form/docker-archive.ts';
import type { DockerEntry } from './form/docker-manifest.ts';
import { openLayoutSource } from './form/layout-source.ts';
import { readLegacyImages } from './form/legacy-archive.ts';
import { openSkopeoDirSource } from './form/skopeo-dir.ts';
import { type Recognised, recognise } from './recognise.ts';

/** The names of each image ID in docker's manifest.json. */
function namesById(entries: readonly DockerEntry[]): ReadonlyMap<Digest, readonly string[]> {
  const names = new Map<Digest, readonly string[]>();
  for (const { config, repoTags } of entries) {
    const id = claimedDigest(config);
    if (id !== undefined && repoTags.length > 0) names.set(id, repoTags);
  }
  return names;
}

async function sourceOf(files: Files, found: Recognised, context: Context): Promise<Source | undefined> {
  const source = await openForm(files, found, context);
  return source && { ...source, place: placeOf(found.kind, files) };
}

async function openForm(files: Files, found: Recognised, context: Context): Promise<Source | undefined> {
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

/** The path without symlinks, because a policy is for the real path; `/` for a path that is no file. */
function realPath(label: string): string {
  try {
    return realpathSync(label);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '/';
    throw filesystemError('cannot find out where an image is', label, error);
  }
}

/** The place of an image of files, for a policy: an archive has a list of its members, a directory has none. */
function placeOf(kind: Recognised['kind'], files: Files): SourcePlace {
  const path = realPath(files.label);
  if (kind === 'docker' || kind === 'legacy') return { transport: 'docker-archive', path };
  if (kind === 'dir') return { transport: 'dir', path };
  return { transport: files.names === undefined ? 'oci' : 'oci-archive', path };
}

/** The forms that each transport accepts. */
const EXPECTED: Readonly<Record<string, readonly Recognised['kind'][]>> = {
  oci: ['oci'],
  'oci-archive': ['oci'],
  'docker-archive': ['docker', 'legacy'],
  dir: ['dir'],
};

/** The files of an OCI layout that are missing, for an error. */
async function missingOfLayout(files: Files): Promise<string | undefined> {
  const missing: string[] = [];
  for (const name of [LAYOUT.marker, LAYOUT.index]) if ((await files.size(name)) === undefined) missing.push(name);
  return missing.length === 0 ? undefined : `it has no ${missing.join(' and no ')}`;
}

/** Refuses files that are not of the form that the user's transport names: nothing is guessed. */
async function expected(found: Recognised, transport: string, files: Files): Promise<Recognised> {
  if (EXPECTED[transport]?.includes(found.kind) === true) return found;
  // Since docker 25, an archive is an OCI layout and a docker archive at once.
  if (transport === 'docker-archive' && found.kind === 'oci' && found.entries.length > 0) {
    return { kind: 'docker', entries: found.entries };
  }
  throw new TsimgError('ARCHIVE_INVALID', `not what ${transport}: says`, {
    where: files.label,
    why: transport.startsWith('oci') ? await missingOfLayout(files) : undefined,
    // The hint would not help with a directory that is not an image in any form.
    hint:
      found.kind === 'other' && files.names === undefined
        ? undefined
        : 'leave the transport out: the content tells the form',
  });
}

/**
 * Opens files as a source; their content tells the form. Undefined when they are no form of an image: then the caller
 * closes the files, else the source does.
 * @throws ARCHIVE_INVALID, DOCUMENT_INVALID, BLOB_NOT_FOUND, DIGEST_MISMATCH, FORMAT_UNSUPPORTED
 */
export async function openFiles(files: Files, transport?: string, context: Context = {}): Promise<Source | undefined> {
  const found = await recognise(files, context.signal);
  if (transport !== undefined) return sourceOf(files, await expected(found, transport, files), context);
  // An archive with an edited config is damaged as a layout, but can be read as a docker archive.
  const isEdited = found.kind === 'oci' && (await hasEditedConfig(files, found.entries, context.signal));
  return sourceOf(files, isEdited ? { kind: 'docker', entries: found.entries } : found, context);
}

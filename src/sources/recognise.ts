import { TsimgError } from '../errors.ts';
import { documentBound } from '../image/read-document.ts';
import { LAYOUT } from '../store/layout-names.ts';
import { type Files, readWholeDocument } from './files/files.ts';
import { refuseLfsPointerAt } from './files/lfs-pointer.ts';
import { checkDockerManifest, type DockerEntry, isDockerManifest } from './form/docker-manifest.ts';
import { isRepositories } from './form/legacy-archive.ts';

/** The form of an image in files, told by their content. */
export type Recognised =
  /**
   * `entries`: those of docker's manifest.json, where it stands beside the layout: it has names that older index.json
   * lack.
   * `marked`: whether the file oci-layout is there.
   */
  | { readonly kind: 'oci'; readonly entries: readonly DockerEntry[]; readonly marked: boolean }
  | { readonly kind: 'docker'; readonly entries: readonly DockerEntry[] }
  | { readonly kind: 'dir' }
  | { readonly kind: 'legacy'; readonly repositories: unknown }
  /** None of these forms: possibly a root filesystem. */
  | { readonly kind: 'other' };

/**
 * Reads a JSON file; undefined where it is absent, too large or not JSON: a root filesystem may have a file of any
 * name.
 */
async function readJson(files: Files, name: string, signal?: AbortSignal): Promise<unknown> {
  const size = await files.size(name);
  if (size === undefined || size > documentBound(files.documentLimit).bytes) return undefined;
  const bytes = await readWholeDocument(files, name, signal);
  try {
    return bytes === undefined ? undefined : JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Whether a value is certainly an OCI index, so that the layout needs no marker: a root filesystem may have any
 * index.json.
 */
function isIndex(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Reflect.get(value, 'schemaVersion') !== 2) return false;
  const manifests: unknown = Reflect.get(value, 'manifests');
  const [first]: readonly unknown[] = Array.isArray(manifests) ? manifests : [];
  return typeof first === 'object' && first !== null && 'digest' in first;
}

/** docker 25.0 wrote an empty index.json (moby#47210): then manifest.json is used. */
function listsNothing(index: unknown): boolean {
  if (typeof index !== 'object' || index === null) return true;
  const manifests: unknown = Reflect.get(index, 'manifests');
  return !Array.isArray(manifests) || manifests.length === 0;
}

/** The documents that identify the forms. */
const DOCUMENTS = [LAYOUT.marker, LAYOUT.index, 'manifest.json', 'repositories'];

/** Names that only archives of images have: layers and documents by digest. */
const IMAGE_PART = /^(blobs\/sha256\/[0-9a-f]{64}|[0-9a-f]{64}(\/layer\.tar|\.tar|\.tar\.gz|\.json))$/;

/**
 * Refuses an archive of images that was cut off before its list, which is mostly the last member: it is no root
 * filesystem.
 * @throws ARCHIVE_INVALID
 */
function refuseParts({ names, label }: Files): void {
  for (const name of names ?? []) {
    if (!IMAGE_PART.test(name)) continue;
    throw new TsimgError('ARCHIVE_INVALID', 'parts of an image without a list of them', {
      where: label,
      why: `it holds ${name} and no manifest.json, index.json or repositories`,
      hint: 'the archive was probably cut short: get it again',
    });
  }
}

/**
 * Tells the form of an image in an archive or a directory, in containerd's order: OCI layout, docker's manifest.json,
 * skopeo's `dir:`, `repositories`. The names and the content of files decide, never the name of the archive.
 * @throws ARCHIVE_INVALID; DOCUMENT_INVALID for a damaged manifest.json of docker's
 */
export async function recognise(files: Files, signal?: AbortSignal): Promise<Recognised> {
  for (const name of DOCUMENTS) await refuseLfsPointerAt(files, name, signal);
  const manifest = await readJson(files, 'manifest.json', signal);
  const isDocker = isDockerManifest(manifest);
  const entries = isDocker ? checkDockerManifest(manifest, `${files.label} manifest.json`) : [];
  if ((await files.size(LAYOUT.index)) !== undefined) {
    const index = await readJson(files, LAYOUT.index, signal);
    const marked = (await files.size(LAYOUT.marker)) !== undefined;
    const empty = isDocker && listsNothing(index);
    if (marked ? !empty : !isDocker && isIndex(index)) return { kind: 'oci', entries, marked };
  }
  if (isDocker) return { kind: 'docker', entries };
  if (typeof manifest === 'object' && manifest !== null && 'schemaVersion' in manifest) return { kind: 'dir' };
  const repositories = await readJson(files, 'repositories', signal);
  if (isRepositories(repositories)) return { kind: 'legacy', repositories };
  refuseParts(files);
  return { kind: 'other' };
}

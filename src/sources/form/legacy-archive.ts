import { TsimgError } from '../../errors.ts';
import { optional } from '../../oci/descriptor-schema.ts';
import { checkDocument, parseJson } from '../../oci/document.ts';
import * as z from '../../schema/zod.ts';
import { type Files, readWholeDocument } from '../files/files.ts';
import type { DockerImage } from './docker-archive.ts';
import { diffIdOfFile, memberMissing } from './docker-layers.ts';

/** docker allows 125 layers. A longer chain is a cycle. */
const MAX_CHAIN = 1000;

/** `{ "busybox": { "latest": ID } }` */
const repositoriesSchema = z.record(z.string(), z.record(z.string(), z.string().check(z.regex(/^[0-9a-f]{64}$/))));

/** An image of docker before 1.10: a JSON document for each layer, which names the one below. */
const v1Schema = z.object({
  parent: optional(z.string().check(z.regex(/^([0-9a-f]{64})?$/))),
  created: optional(z.string()),
  author: optional(z.string()),
  architecture: optional(z.string()),
  os: optional(z.string()),
  /** Absent or null before docker 0.7, and in imported images. */
  config: optional(z.unknown()),
  container_config: optional(z.object({ Cmd: optional(z.union([z.array(z.string()), z.string()])) })),
});
type V1Image = z.infer<typeof v1Schema>;

/** Returns whether a JSON value is a `repositories` file. */
export function isRepositories(value: unknown): boolean {
  return repositoriesSchema.safeParse(value).success;
}

/** Reads the documents from an image down to its base. */
async function readChain(
  files: Files,
  id: string,
  signal?: AbortSignal,
): Promise<readonly (V1Image & { id: string })[]> {
  const chain: (V1Image & { id: string })[] = [];
  for (let next: string | undefined = id; next; ) {
    const name = `${next}/json`;
    const where = `${files.label} ${name}`;
    if (chain.length >= MAX_CHAIN) {
      throw new TsimgError('ARCHIVE_INVALID', 'images that name each other as parent', { where });
    }
    const bytes = await readWholeDocument(files, name, signal);
    if (bytes === undefined) throw memberMissing(files, name);
    const image: V1Image = checkDocument(v1Schema, parseJson(bytes, 'image json', where), 'image json', where);
    chain.push({ ...image, id: next });
    next = image.parent;
  }
  return chain;
}

function historyOf({ created, container_config: container }: V1Image) {
  const command = container?.Cmd;
  return { created, created_by: typeof command === 'string' ? command : command?.join(' ') };
}

/** Makes the config that docker writes since 1.10 from the older documents. */
async function makeImage(
  files: Files,
  id: string,
  names: readonly string[],
  signal?: AbortSignal,
): Promise<DockerImage> {
  const chain = (await readChain(files, id, signal)).toReversed();
  const layers: string[] = [];
  const diffIds: string[] = [];
  const history: Readonly<Record<string, unknown>>[] = [];
  for (const image of chain) {
    const layer = `${image.id}/layer.tar`;
    // For a step that changed no file, docker wrote an empty archive or no bytes. Today's layers must not be empty.
    const isEmpty = (await files.size(layer)) === 0;
    history.push({ ...historyOf(image), ...(isEmpty && { empty_layer: true }) });
    if (isEmpty) continue;
    diffIds.push(await diffIdOfFile(files, layer, signal));
    layers.push(layer);
  }
  const top = chain.at(-1);
  const config = {
    architecture: top?.architecture ?? 'amd64',
    os: top?.os ?? 'linux',
    created: top?.created,
    author: top?.author,
    config: top?.config ?? {},
    rootfs: { type: 'layers', diff_ids: diffIds },
    history,
  };
  return { names, config: Buffer.from(JSON.stringify(config)), layers };
}

/**
 * Reads the images of an archive from before docker 1.10: `repositories`, and a directory for each layer. These have no
 * diff IDs, so all layers are read once to compute them. docker 29 and later no longer read such archives.
 * @throws ARCHIVE_INVALID, DOCUMENT_INVALID, BLOB_NOT_FOUND, COMPRESSION_INVALID
 */
export async function readLegacyImages(
  files: Files,
  repositories: unknown,
  signal?: AbortSignal,
): Promise<readonly DockerImage[]> {
  const where = `${files.label} repositories`;
  const names = new Map<string, string[]>();
  for (const [repository, tags] of Object.entries(
    checkDocument(repositoriesSchema, repositories, 'repositories', where),
  )) {
    for (const [tag, id] of Object.entries(tags)) names.set(id, [...(names.get(id) ?? []), `${repository}:${tag}`]);
  }
  const images: DockerImage[] = [];
  for (const [id, tags] of names) images.push(await makeImage(files, id, tags, signal));
  return images;
}

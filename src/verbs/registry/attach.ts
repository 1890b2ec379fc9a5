import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { digestOf } from '../../crypto/digest.ts';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { copyBlobs, type Job } from '../../image/copy.ts';
import { withSink } from '../../image/sink.ts';
import { type ArtifactFile, CREATED, checkMediaType, EMPTY_CONFIG, TITLE, titleOf } from '../../oci/artifact.ts';
import { buildTime } from '../../oci/commit/build-time.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { MEDIA_TYPE } from '../../oci/media-type.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';
import { manifestDocument } from '../../oci/write-document.ts';
import { openConnections } from '../../registry/connections.ts';
import { openRegistrySink, type RegistrySinkOptions } from '../../sinks/registry.ts';
import { openRegistrySource } from '../../sources/registry.ts';
import { createHasher } from '../../streams/hashing.ts';
import { readSection } from '../../streams/read-section.ts';
import { verified } from '../../streams/verified.ts';
import { filesystemError } from '../../sys/file/filesystem-error.ts';
import type { ImageOptions } from '../image/open-image.ts';
import { readManifestOf } from './manifest.ts';

/** How files are attached to an image. */
export interface AttachOptions extends ImageOptions, Omit<RegistrySinkOptions, 'mountFrom'> {
  /** The kind of the artifact. Default: `application/vnd.unknown.artifact.v1`, as oras has it. */
  readonly artifactType?: string | undefined;
  /** Of files that have none of their own. Default: `application/octet-stream`. */
  readonly mediaType?: string | undefined;
  /** Annotations of the manifest. The time when it was made is added: that of `$SOURCE_DATE_EPOCH`, or now. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Whether files may have names that are absolute or begin with `..`. Default false. */
  readonly anywhere?: boolean | undefined;
}

/** The result of an attach. */
export interface AttachReport {
  /** The digest of the manifest that holds the files. */
  readonly digest: Digest;
  /** The digest of the image that it is attached to. */
  readonly subject: Digest;
  readonly artifactType: string;
  readonly files: readonly (Pick<Descriptor, 'mediaType' | 'digest' | 'size'> & { readonly title: string })[];
}

const UNKNOWN_ARTIFACT = 'application/vnd.unknown.artifact.v1';

/** A file that is attached, open. */
interface OpenedFile {
  readonly file: FileHandle;
  readonly title: string;
  readonly descriptor: Descriptor;
  readonly path: string;
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw filesystemError('cannot open a file', path, error);
    throw new TsimgError('SOURCE_NOT_FOUND', 'no such file', { where: path, hint: 'check the path' });
  }
}

/** Opens and digests a file. */
async function opened(path: string, mediaType: string, title: string, signal?: AbortSignal): Promise<OpenedFile> {
  const file = await openFile(path);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) {
      throw new TsimgError('USAGE', 'only files are attached', {
        where: path,
        why: stats.isDirectory() ? 'it is a directory' : 'it is neither a file nor a link to one',
        hint: stats.isDirectory() ? `make an archive of it: tar -czf FILE.tar.gz ${path}` : undefined,
      });
    }
    const hasher = createHasher();
    for await (const chunk of readSection(file, 0, stats.size, signal)) hasher.update(chunk);
    const annotations = { [TITLE]: title };
    return { file, title, path, descriptor: { mediaType, digest: hasher.digest(), size: hasher.size, annotations } };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The title and the type of each file, checked. @throws USAGE */
function planFiles(files: readonly ArtifactFile[], { mediaType, anywhere = false }: AttachOptions) {
  const seen = new Set<string>();
  return files.map(({ path, mediaType: own = mediaType ?? 'application/octet-stream' }) => {
    checkMediaType(own, '--media-type');
    const title = titleOf(path, anywhere);
    if (seen.has(title)) throw new TsimgError('USAGE', 'two files have the same name', { where: title });
    seen.add(title);
    return { path, mediaType: own, title };
  });
}

/** The content of a file, which may have changed since it was digested: that would be told. */
function jobOf({ file, descriptor, path }: OpenedFile): Job {
  const content = {
    open: async (signal?: AbortSignal) =>
      pipeline(readSection(file, 0, descriptor.size, signal), verified(descriptor, path), () => {}),
  };
  return { descriptor, content };
}

/** Finds the manifest or index that files are attached to, at the host that takes the artifact: a mirror may be old. */
async function subjectAt(reference: Reference, options: AttachOptions, context: Context): Promise<Descriptor> {
  const source = openRegistrySource(reference, { ...options, toWrite: true });
  try {
    return (await readManifestOf(source, formatReference(reference), options, context)).descriptor;
  } finally {
    await source.close();
  }
}

/**
 * Attaches files to an image or an index in its registry: an artifact is put beside it, whose subject it is, as oras
 * does. The registry lists it among the referrers of the image; for a registry without that list, the tag that clients
 * keep for it is maintained. Equal files give the same digest with `$SOURCE_DATE_EPOCH`. OCI image spec, manifest.md,
 * "Guidelines for Artifact Usage".
 * @param reference with `platform`, the image of an index that is chosen by it
 * @throws USAGE, SOURCE_NOT_FOUND, IMAGE_NOT_FOUND, FILESYSTEM, REGISTRY_…, AUTHENTICATION_…; DIGEST_MISMATCH where a
 * file changes while it is sent
 * @example
 * const files = [{ path: 'sbom.spdx.json', mediaType: 'application/spdx+json' }];
 * await attachFiles(parseReference('localhost:5000/app:1'), files, { artifactType: 'application/spdx+json' });
 */
export async function attachFiles(
  reference: Reference,
  files: readonly ArtifactFile[],
  options: AttachOptions = {},
): Promise<AttachReport> {
  if (options.connections === undefined) {
    using connections = openConnections();
    return await attachFiles(reference, files, { ...options, connections });
  }
  const { artifactType = UNKNOWN_ARTIFACT, annotations = {}, platform, signal, onEvent } = options;
  checkMediaType(artifactType, '--artifact-type');
  const planned = planFiles(files, options);
  const { created } = buildTime(process.env, new Date());
  const handles: OpenedFile[] = [];
  try {
    for (const { path, mediaType, title } of planned) handles.push(await opened(path, mediaType, title, signal));
    const context = { signal, onEvent };
    const { mediaType, digest, size } = await subjectAt(reference, { ...options, platform }, context);
    const layers = handles.length === 0 ? [EMPTY_CONFIG] : handles.map(({ descriptor }) => descriptor);
    const bytes = manifestDocument({
      mediaType: MEDIA_TYPE.ociManifest,
      artifactType,
      config: EMPTY_CONFIG,
      layers,
      subject: { mediaType, digest, size },
      annotations: { [CREATED]: created, ...annotations },
    });
    const manifest = { mediaType: MEDIA_TYPE.ociManifest, digest: digestOf(bytes), size: bytes.length };
    const sink = openRegistrySink(reference, options);
    await withSink(sink, async () => {
      const config: Job = { descriptor: EMPTY_CONFIG, content: Buffer.from('{}') };
      await copyBlobs([...handles.map(jobOf), config], sink, context);
      await sink.write(manifest, bytes, signal);
    });
    const told = handles.map(({ title, descriptor }) => {
      return { title, mediaType: descriptor.mediaType, digest: descriptor.digest, size: descriptor.size };
    });
    return { digest: manifest.digest, subject: digest, artifactType, files: told };
  } finally {
    for (const { file } of handles) await file.close();
  }
}

import { pipeline, Readable } from 'node:stream';
import { isError, TsimgError } from '../errors.ts';
import type { Context } from '../events.ts';
import { checkImage } from '../image/check-image.ts';
import { isFullName } from '../image/match-name.ts';
import type { Sink } from '../image/sink.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { algorithmOf, type Digest } from '../oci/digest.ts';
import { type Manifest, parseManifest } from '../oci/manifest.ts';
import { documentKindOf, MEDIA_TYPE } from '../oci/media-type.ts';
import { formatFamiliar, parseReference } from '../oci/reference.ts';
import { indexDocument } from '../oci/write-document.ts';
import { blobName, LAYOUT, LAYOUT_MARKER } from '../store/layout-names.ts';
import { type Content, openContent } from '../streams/content.ts';
import { verified } from '../streams/verified.ts';
import { createArchiveWriter } from '../tar/write/write.ts';
import { type ArchiveDestination, openArchiveOutput } from './archive-output.ts';
import { attachedEntry, namedEntries } from './entry-name.ts';

export interface ArchiveOptions extends Pick<Context, 'onEvent'> {
  /**
   * Whether docker's manifest.json is added to the OCI layout, as docker does since 25: then docker of any age, podman,
   * skopeo, containerd and umoci read the archive.
   */
  readonly docker: boolean;
}

/** A name as docker writes it; undefined for one that docker could not give to an image. */
function dockerTag(name: string): string | undefined {
  if (!isFullName(name) || name.includes('@')) return undefined;
  try {
    return formatFamiliar(parseReference(name));
  } catch (error) {
    if (error instanceof TsimgError && error.code === 'REFERENCE_INVALID') return undefined;
    throw error;
  }
}

/** An entry of docker's manifest.json. Config and layers are named by their blobs. */
function dockerEntry(manifest: Manifest, tags: readonly string[]) {
  return {
    Config: blobName(manifest.config.digest),
    RepoTags: tags,
    Layers: manifest.layers.map((layer) => blobName(layer.digest)),
  };
}

/**
 * Refuses a manifest or index that docker cannot load, before it goes into a `docker-archive`.
 * @param where the file, for the error
 * @throws USAGE for an index; FORMAT_UNSUPPORTED, LAYER_INVALID for an artifact
 */
export function checkDockerLoads({ mediaType, digest }: Descriptor, bytes: Uint8Array, where: string): void {
  if (documentKindOf(mediaType) === 'index') {
    throw new TsimgError('USAGE', 'a docker-archive holds no index', {
      where,
      why: 'docker loads images of one platform from it',
      hint: 'choose one with --platform in the place of --all, or write an oci-archive',
    });
  }
  checkImage(parseManifest(bytes, mediaType, `${where} ${digest}`), `${where} ${digest}`);
}

/**
 * Opens an archive for writing images: an OCI layout in a tar. Entries keep the order of their writing and belong to
 * root in 1970, so that the same images always give the same bytes. Blobs go straight into the tar, one at a time. The
 * archive gets its file name when the sink is closed, if an image was published and nothing has failed.
 * @throws DESTINATION_EXISTS, DESTINATION_INVALID, FILESYSTEM; from `write`, what docker cannot load: USAGE,
 * FORMAT_UNSUPPORTED
 */
export async function openArchiveSink(destination: ArchiveDestination, options: ArchiveOptions): Promise<Sink> {
  const { docker, onEvent } = options;
  const writer = createArchiveWriter();
  const output = await openArchiveOutput(writer.stream, destination);
  const { label } = output;
  const written = new Set<Digest>();
  const directories = new Set<string>();
  const manifests = new Map<Digest, Manifest>();
  const entries: Descriptor[] = [];
  const attached: Descriptor[] = [];
  const dockerEntries: ReturnType<typeof dockerEntry>[] = [];
  let failed = false;
  let last: Promise<void> = Promise.resolve();

  /** Runs actions one after the other; after a failure, none any more. */
  function inTurn(action: () => Promise<void>): Promise<void> {
    const turn = last.then(async () => {
      if (failed) throw new TsimgError('FILESYSTEM', 'the archive could not be written', { where: label });
      try {
        // The reader of the archive may go away: then `action` would wait for ever, and only `written` ends.
        await Promise.race([action(), output.written]);
      } catch (error) {
        failed = true;
        writer.abort(isError(error) ? error : new Error(String(error)));
        // When the output has failed, the action's error is a consequence: throw the output's.
        throw await output.written.then(
          () => error,
          (cause: unknown) => cause,
        );
      }
    });
    last = turn.catch(() => {});
    return turn;
  }

  async function writeDirectories(digest: Digest): Promise<void> {
    if (directories.size === 0) await writer.file(LAYOUT.marker, Buffer.from(LAYOUT_MARKER));
    for (const directory of [LAYOUT.blobs, `${LAYOUT.blobs}/${algorithmOf(digest)}`]) {
      if (!directories.has(directory)) await writer.directory(directory);
      directories.add(directory);
    }
  }

  async function writeOne(descriptor: Descriptor, content: Content): Promise<void> {
    const { digest, size } = descriptor;
    if (written.has(digest)) return;
    const isDocument = content instanceof Uint8Array && documentKindOf(descriptor.mediaType) !== 'other';
    if (docker && isDocument) checkDockerLoads(descriptor, content, label);
    await writeDirectories(digest);
    const checked = verified(descriptor, `${label} ${digest}`);
    if (content instanceof Uint8Array) checked.end(content);
    else pipeline(await openContent(content), checked, () => {});
    await writer.file(blobName(digest), { size, stream: checked });
    written.add(digest);
    if (content instanceof Uint8Array && documentKindOf(descriptor.mediaType) === 'manifest') {
      manifests.set(digest, parseManifest(content, descriptor.mediaType, `${label} ${digest}`));
    }
  }

  return {
    label,
    concurrency: 1,
    has: async ({ digest }) => written.has(digest),
    async write(descriptor, content) {
      if (content instanceof Readable) content.on('error', () => {});
      try {
        await inTurn(() => writeOne(descriptor, content));
      } finally {
        if (content instanceof Readable) content.destroy();
      }
    },
    publish: (descriptor, names) =>
      inTurn(async () => {
        entries.push(...namedEntries(descriptor, names));
        const manifest = manifests.get(descriptor.digest);
        if (!docker || manifest === undefined) return;
        const tags = names.map((name) => ({ name, tag: dockerTag(name) }));
        for (const { name } of tags.filter(({ tag }) => tag === undefined)) {
          const message = `${name} is no name of docker’s (NAME:TAG): docker loads the image without it`;
          onEvent?.({ kind: 'warning', message });
        }
        dockerEntries.push(
          dockerEntry(
            manifest,
            tags.flatMap(({ tag }) => tag ?? []),
          ),
        );
      }),
    // docker would take what is attached for images that it cannot load.
    ...(!docker && {
      attach: async (_subject: Digest, descriptor: Descriptor, tag: string | undefined) => {
        attached.push(attachedEntry(descriptor, tag));
      },
    }),
    async abort() {
      await last;
      failed = true;
      writer.abort(new Error('not complete'));
      await output.discard();
    },
    async close() {
      await last;
      if (failed || entries.length === 0) {
        writer.abort(new Error('not complete'));
        return output.discard();
      }
      try {
        await inTurn(async () => {
          await writer.file(LAYOUT.index, Buffer.from(indexDocument(MEDIA_TYPE.ociIndex, [...entries, ...attached])));
          if (docker) await writer.file('manifest.json', Buffer.from(JSON.stringify(dockerEntries)));
        });
        writer.finish();
        await output.commit();
      } catch (error) {
        await output.discard();
        throw error;
      }
    },
  };
}

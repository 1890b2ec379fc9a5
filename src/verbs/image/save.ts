import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { copyImage } from '../../image/copy.ts';
import type { Image } from '../../image/image.ts';
import { type LoadedImage, loadImage } from '../../image/load.ts';
import { type Sink, withSink } from '../../image/sink.ts';
import { toOci } from '../../image/to-oci.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Platform } from '../../oci/platform.ts';
import { openArchiveSink } from '../../sinks/archive.ts';
import type { ArchiveDestination } from '../../sinks/archive-output.ts';
import { openOciLayoutSink } from '../../sinks/oci-layout.ts';
import { type OpenedSource, type OpenSourceOptions, openSource } from '../../sources/open.ts';
import { type CompressionChoice, checkCompression } from '../../streams/compress/choice.ts';
import { recompressImage } from '../layers/recompress.ts';
import { openGate } from '../verify/admit.ts';
import type { PolicyPlace } from '../verify/has-policy.ts';
import { withRepair } from './repair-stored.ts';
import { namesOf } from './stored-names.ts';

/**
 * `docker-archive`: as docker save writes since version 25, for docker, podman, skopeo and containerd. Manifests stay
 * as they are. `oci-archive`, `oci-dir`: an OCI layout, in a tar or as a directory. Docker's manifests become OCI's,
 * the only ones that all programs read there.
 */
export type SaveFormat = 'docker-archive' | 'oci-archive' | 'oci-dir';

/** Options of `saveImages`. */
export interface SaveOptions extends OpenSourceOptions, PolicyPlace {
  /** `oci-dir` needs a path. */
  readonly destination: ArchiveDestination;
  readonly format?: SaveFormat | undefined;
  readonly platform?: Platform | undefined;
  /** How layers are stored there. Default: as they are. */
  readonly compression?: CompressionChoice | undefined;
}

/** One image that was saved. */
export interface SavedImage {
  readonly names: readonly string[];
  /** The digest of the manifest as it was written. */
  readonly digest: Digest;
  readonly imageId: Digest;
}

async function openSink(destination: ArchiveDestination, format: SaveFormat, context: Context): Promise<Sink> {
  const { signal, onEvent } = context;
  if (format !== 'oci-dir') return openArchiveSink(destination, { docker: format === 'docker-archive', onEvent });
  if ('path' in destination) return openOciLayoutSink(destination.path, signal, { onEvent });
  throw new TsimgError('USAGE', 'a directory cannot be written to standard output', { hint: 'name it with -o' });
}

/**
 * Writes images (any SOURCE, usually references in the store) to one archive or layout. All are opened before anything
 * is written. A file gets its name when it is complete.
 * An image from elsewhere than the store must be accepted by policy.json.
 * @throws IMAGE_REJECTED, POLICY_INVALID, and what `openSource`, `loadImage` and the sinks throw
 */
export async function saveImages(
  specs: readonly string[],
  options: SaveOptions,
  context: Context = {},
): Promise<readonly SavedImage[]> {
  const repairs = { storeRoot: options.storeRoot, ...context };
  return await withRepair(specs, repairs, () => writeImages(specs, options, context));
}

async function writeImages(
  specs: readonly string[],
  options: SaveOptions,
  context: Context,
): Promise<readonly SavedImage[]> {
  const { destination, format = 'docker-archive', platform, compression, limits } = options;
  if (compression !== undefined) checkCompression(compression);
  const opened: OpenedSource[] = [];
  try {
    const images: { readonly image: LoadedImage; readonly names: readonly string[] }[] = [];
    for (const spec of specs) {
      const source = await openSource(spec, options, context);
      opened.push(source);
      const gate = await openGate(source.source, { ...options, ...context });
      const image = await loadImage(source.source, { name: source.name, platform }, context);
      await gate.admit({ image, source: source.source, name: source.name ?? spec });
      images.push({ image, names: await namesOf(source) });
    }
    const sink = await openSink(destination, format, context);
    // Completing the sink after a failure would complete an archive that lacks the remaining images.
    return await withSink(sink, async () => {
      const saved: SavedImage[] = [];
      for (const { image: loaded, names } of images) {
        const given: Image = format === 'docker-archive' ? loaded : toOci(loaded);
        await using made = compression && (await recompressImage(given, compression, { limits, ...context }));
        const image = made?.image ?? given;
        await copyImage(image, sink, { names, descriptor: withPlatform(image), ...context });
        saved.push({ names, digest: image.descriptor.digest, imageId: image.manifest.config.digest });
      }
      return saved;
    });
  } finally {
    for (const { source } of opened) await source.close();
  }
}

/** Returns the descriptor for an index, where it has the image's platform. */
function withPlatform({ descriptor, config }: Image): Image['descriptor'] {
  return config.platform.architecture === '' ? descriptor : { ...descriptor, platform: config.platform };
}

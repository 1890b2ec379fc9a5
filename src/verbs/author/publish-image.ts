import { TsimgError } from '../../errors.ts';
import { copyImage } from '../../image/copy.ts';
import type { Image } from '../../image/image.ts';
import { withSink } from '../../image/sink.ts';
import type { Source } from '../../image/source.ts';
import { toOci } from '../../image/to-oci.ts';
import { formatReference, parseNewName } from '../../oci/reference.ts';
import { openSink, type SinkSpec } from '../../sinks/open.ts';
import { openRegistrySink } from '../../sinks/registry.ts';
import { openStoreSink } from '../../sinks/store.ts';
import { recordNames } from '../image/tag.ts';
import { storePlace } from '../places.ts';
import { completeSink, sinkOptions } from '../registry/sink-options.ts';
import type { AuthoredImage, AuthorOptions } from './author-options.ts';

/** A place for a new image, checked before the work begins. */
export type Target =
  | { readonly kind: 'store'; readonly names: readonly string[] }
  | { readonly kind: 'sink'; readonly spec: SinkSpec };

/** Parses `tags` and `output`. @throws USAGE, REFERENCE_INVALID, REGISTRIES_INVALID */
export async function parseTarget({ tags = [], output, ...options }: AuthorOptions): Promise<Target> {
  if (output !== undefined && tags.length > 0) {
    throw new TsimgError('USAGE', 'a new image goes to one place', {
      where: output,
      why: '--tag names it in the store, and --output puts it elsewhere',
      hint: `leave out one of them; --output store:NAME is the same as --tag NAME`,
    });
  }
  if (output !== undefined) return { kind: 'sink', spec: await completeSink(output, options) };
  const names = tags.map((text) => {
    return formatReference(parseNewName(text));
  });
  return { kind: 'store', names };
}

function isStore(target: Target): boolean {
  return target.kind === 'store' || target.spec.kind === 'store';
}

async function openTarget(target: Target, source: Source | undefined, options: AuthorOptions) {
  const storeRoot = storePlace(options);
  const { signal, onEvent, force: replace } = options;
  if (target.kind === 'store') {
    return { sink: await openStoreSink(storeRoot, signal, { onEvent }), names: target.names };
  }
  return await openSink(target.spec, {
    storeRoot,
    openRegistry: (to) => openRegistrySink(to, sinkOptions(source, to, options)),
    replace,
    signal,
    onEvent,
  });
}

/** Docker's manifests become OCI's in an OCI layout: other programs read no others there. */
function inFormOf(target: Target, image: Image): Image {
  const isLayout = target.kind === 'sink' && (target.spec.kind === 'oci' || target.spec.kind === 'oci-archive');
  return isLayout ? toOci(image) : image;
}

/**
 * Writes a new image to its place, and gives it its names when it is complete.
 * @param source where its other layers are read from, which is open; undefined where it is all new
 * @throws what the sink throws, and the errors of the layers
 */
export async function publishImage(
  made: Image,
  target: Target,
  source: Source | undefined,
  options: AuthorOptions,
): Promise<AuthoredImage> {
  const { signal, onEvent, requests } = options;
  const concurrency = requests?.concurrency;
  const image = inFormOf(target, made);
  const { sink, names } = await openTarget(target, source, options);
  await withSink(sink, () => copyImage(image, sink, { names, concurrency, signal, onEvent }));
  if (isStore(target)) recordNames(storePlace(options), names);
  return {
    id: image.manifest.config.digest,
    digest: image.descriptor.digest,
    names,
    layers: image.layers.map(({ descriptor: { mediaType, digest, size }, diffId }) => ({
      mediaType,
      digest,
      diffId,
      size,
    })),
  };
}

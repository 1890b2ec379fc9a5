import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { copyImage } from '../../image/copy.ts';
import { type LoadedImage, loadImage } from '../../image/load.ts';
import { writeUnlessThere } from '../../image/sink.ts';
import type { Source } from '../../image/source.ts';
import { ANNOTATION } from '../../oci/annotations.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Platform } from '../../oci/platform.ts';
import { isTag } from '../../oci/reference.ts';
import { openStoreSink } from '../../sinks/store.ts';
import { type OpenSourceOptions, openSource } from '../../sources/open.ts';
import { openGate } from '../verify/admit.ts';
import type { PolicyPlace } from '../verify/has-policy.ts';
import { storedNameOrNone, storedNames } from './stored-names.ts';
import { recordNames } from './tag.ts';

/** Options of `loadArchive`. */
export interface LoadArchiveOptions extends OpenSourceOptions, PolicyPlace {
  readonly platform?: Platform | undefined;
}

/** One image that was loaded. */
export interface LoadedArchive {
  /** Complete names; none for an image without a name in the archive. */
  readonly names: readonly string[];
  readonly digest: Digest;
  readonly imageId: Digest;
}

/** A name or digest to ask the source for, and the names that this image has. */
interface Question {
  readonly name: string | undefined;
  readonly names: readonly string[];
}

/**
 * Returns the digest of the only image, which may be for several platforms; undefined where there are several images.
 */
async function onlyImage(source: Source): Promise<Digest | undefined> {
  try {
    return (await source.resolve())?.digest;
  } catch (error) {
    if (error instanceof TsimgError && error.code === 'IMAGE_AMBIGUOUS') return undefined;
    throw error;
  }
}

/** Warns of names that are not references. A tag alone, which layouts allow, gives no name and no warning. */
function warnOfDropped(names: readonly string[], { onEvent }: Context): void {
  for (const name of names) {
    if (isTag(name) || storedNameOrNone(name) !== undefined) continue;
    onEvent?.({ kind: 'warning', message: `${name} is not an image reference: the image is loaded without this name` });
  }
}

/** Questions that are not names: a digest, an ID, a place in the list. */
const NO_NAME = /^(?:@|sha(?:256|512):|[0-9a-f]{64}$)/;

/** Asks for each image once, by its name or else by its digest. Artifacts beside images are left out with a warning. */
async function questionsFor(
  source: Source,
  name: string | undefined,
  { onEvent }: Context,
): Promise<readonly Question[]> {
  const listed = (await source.list?.()) ?? [];
  if (name !== undefined) {
    const digest = (await source.resolve(name))?.digest;
    const known = listed.filter(({ descriptor }) => descriptor.digest === digest).flatMap((image) => image.name ?? []);
    return [{ name, names: known.length > 0 || NO_NAME.test(name) ? known : [name] }];
  }
  const images = listed.filter(({ isArtifact }) => isArtifact !== true);
  for (const { name: own, descriptor } of images.length === 0 ? [] : listed.filter(({ isArtifact }) => isArtifact)) {
    const message = `${own ?? descriptor.digest} is an artifact and not an image: it is left out`;
    onEvent?.({ kind: 'warning', message });
  }
  const byDigest = new Map<Digest, readonly string[]>();
  for (const { name: own, descriptor } of images.length === 0 ? listed : images) {
    byDigest.set(descriptor.digest, [...(byDigest.get(descriptor.digest) ?? []), ...(own === undefined ? [] : [own])]);
  }
  const only = await onlyImage(source);
  // The source's only image is the only one of the list, or an index over all of the list.
  if (byDigest.size === 0 || (only !== undefined && (byDigest.size === 1 || !byDigest.has(only)))) {
    return [{ name, names: [...byDigest.values()].flat() }];
  }
  const questions = [...byDigest].map(([digest, own]) => ({ name: own[0] ?? digest, names: own }));
  // Platforms side by side under one name are one image: one question.
  return [...new Map(questions.map((question) => [question.name, question])).values()];
}

function published({ descriptor, resolved, config }: LoadedImage): Descriptor {
  const platform = config.platform.architecture === '' ? undefined : config.platform;
  const from = resolved.digest === descriptor.digest ? {} : { [ANNOTATION.chosenFrom]: resolved.digest };
  return { ...descriptor, platform, annotations: from };
}

/** The hint for a word that is no file. */
const MISSING = 'tsimg load -i FILE reads an archive, tsimg pull NAME fetches an image';

/**
 * Loads all images of an archive (any SOURCE that lists its images) into the store, each for one platform, under the
 * archive's names for them. The manifests and configs of all are read before the first image is written.
 * @throws what `openSource`, `loadImage` and the store throw
 */
export async function loadArchive(
  spec: string,
  options: LoadArchiveOptions,
  context: Context = {},
): Promise<readonly LoadedArchive[]> {
  const { source, name } = await openSource(spec, { ...options, fileHint: MISSING }, context);
  try {
    const loaded: { readonly image: LoadedImage; readonly names: readonly string[] }[] = [];
    const gate = await openGate(source, { ...options, ...context });
    for (const question of await questionsFor(source, name, context)) {
      const image = await loadImage(source, { name: question.name, platform: options.platform }, context);
      await gate.admit({ image, source, name: question.name ?? spec });
      warnOfDropped(question.names, context);
      loaded.push({ image, names: storedNames(question.names) });
    }
    return await store(loaded, options.storeRoot, context);
  } finally {
    await source.close();
  }
}

async function store(
  images: readonly { readonly image: LoadedImage; readonly names: readonly string[] }[],
  root: string,
  context: Context,
): Promise<readonly LoadedArchive[]> {
  const sink = await openStoreSink(root, context.signal, { verify: true, onEvent: context.onEvent });
  try {
    const done: LoadedArchive[] = [];
    for (const { image, names } of images) {
      for (const index of image.indexes) await writeUnlessThere(index, sink, context.signal);
      await copyImage(image, sink, { names, descriptor: published(image), ...context });
      recordNames(root, names);
      done.push({ names, digest: image.resolved.digest, imageId: image.manifest.config.digest });
    }
    return done;
  } finally {
    await sink.close();
  }
}

import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { copyImage } from '../../image/copy.ts';
import { type LoadedImage, loadImage } from '../../image/load.ts';
import type { Source } from '../../image/source.ts';
import { ANNOTATION } from '../../oci/annotations.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Platform } from '../../oci/platform.ts';
import { isTag } from '../../oci/reference.ts';
import { openStoreSink } from '../../sinks/store.ts';
import { type OpenSourceOptions, openSource } from '../../sources/open.ts';
import { completeName, completeNames } from './stored-names.ts';

export interface LoadArchiveOptions extends OpenSourceOptions {
  readonly platform?: Platform | undefined;
}

export interface LoadedArchive {
  /** Complete; empty for an image that has no name in the archive. */
  readonly names: readonly string[];
  readonly digest: Digest;
  readonly imageId: Digest;
}

/** What to ask the source for, and the names that the answer has. */
interface Question {
  readonly name: string | undefined;
  readonly names: readonly string[];
}

/** What all that is there is, where that is one image, or one for several platforms side by side. */
async function onlyImage(source: Source): Promise<Digest | undefined> {
  try {
    return (await source.resolve())?.digest;
  } catch (error) {
    if (error instanceof TsimgError && error.code === 'IMAGE_AMBIGUOUS') return undefined;
    throw error;
  }
}

/** A tag alone, as layouts have it, is no name and no fault. */
function warnOfDropped(names: readonly string[], { onEvent }: Context): void {
  for (const name of names) {
    if (isTag(name) || completeName(name) !== undefined) continue;
    onEvent?.({ kind: 'warning', message: `${name} is no image reference: the image is loaded without that name` });
  }
}

/** By what an image is asked for that is no name of it: a digest, an ID, a place in the list. */
const NO_NAME = /^(?:@|sha(?:256|512):|[0-9a-f]{64}$)/;

/** Every image once: by a name where it has one, else by its digest. Artifacts beside images are told and left out. */
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
    const message = `${own ?? descriptor.digest} is an artifact, not an image: it is left out`;
    onEvent?.({ kind: 'warning', message });
  }
  const byDigest = new Map<Digest, readonly string[]>();
  for (const { name: own, descriptor } of images.length === 0 ? listed : images) {
    byDigest.set(descriptor.digest, [...(byDigest.get(descriptor.digest) ?? []), ...(own === undefined ? [] : [own])]);
  }
  const only = await onlyImage(source);
  // It has been made of all, or all are it
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

/**
 * All images of an archive (any SOURCE that lists its images) into the store, each for one platform, under the names that the
 * archive gives them. All are loaded before the first is written.
 * @throws what `openSource`, `loadImage` and the store throw
 */
export async function loadArchive(
  spec: string,
  options: LoadArchiveOptions,
  context: Context = {},
): Promise<readonly LoadedArchive[]> {
  const { source, name } = await openSource(spec, options, context);
  try {
    const loaded: { readonly image: LoadedImage; readonly names: readonly string[] }[] = [];
    for (const question of await questionsFor(source, name, context)) {
      const image = await loadImage(source, { name: question.name, platform: options.platform }, context);
      warnOfDropped(question.names, context);
      loaded.push({ image, names: completeNames(question.names) });
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
  const sink = await openStoreSink(root, context.signal, { verify: true });
  try {
    const done: LoadedArchive[] = [];
    for (const { image, names } of images) {
      for (const index of image.indexes) {
        if (!(await sink.has(index.descriptor))) await sink.write(index.descriptor, index.bytes, context.signal);
      }
      await copyImage(image, sink, { names, descriptor: published(image) }, context);
      done.push({ names, digest: image.resolved.digest, imageId: image.manifest.config.digest });
    }
    return done;
  } finally {
    await sink.close();
  }
}

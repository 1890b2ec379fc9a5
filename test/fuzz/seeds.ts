import { isArchive } from '../../fixtures/conformance/conformance-case.ts';
import { ALL_CASES } from '../../fixtures/conformance/corpus.ts';
import { layoutOf } from '../../fixtures/conformance/layout.ts';
import { file, tarOf } from '../support/image/tar.ts';
import type { Input } from './target.ts';

/** The largest input, in bytes: larger ones only take time. */
const MAX_BYTES = 64 * 1024;

function small(input: Input): boolean {
  return input.reduce((sum, { length }) => sum + length, 0) <= MAX_BYTES;
}

function layersOf(image: (typeof ALL_CASES)[number]['image']): Input {
  if (isArchive(image)) return [];
  return image.layers.map((layer) => (Buffer.isBuffer(layer) ? layer : layer.content));
}

/** Returns the uncompressed layers of each image of the conformance corpus, base first. */
export function layerSeeds(): readonly Input[] {
  return ALL_CASES.map(({ image }) => layersOf(image)).filter((layers) => layers.length > 0 && small(layers));
}

/** Returns all archives of the corpus: layers, and images in one file. */
export function tarSeeds(): readonly Buffer[] {
  const layers = ALL_CASES.flatMap(({ image }) => (isArchive(image) ? [image.archive] : layersOf(image)));
  return layers.filter((layer) => small([layer]));
}

/** Returns all blobs of layers as they are stored: gzip, zstd, plain. */
export function blobSeeds(): readonly Buffer[] {
  const blobs = ALL_CASES.flatMap(({ image }) =>
    isArchive(image) ? [] : image.layers.flatMap((layer) => ('blob' in layer && layer.blob ? [layer.blob] : [])),
  );
  return blobs.filter((blob) => small([blob]));
}

/** Returns each image of the corpus as one file: docker archives as they are, layouts as OCI archives. */
export function imageSeeds(): readonly Buffer[] {
  const archives = ALL_CASES.map(({ image }) =>
    isArchive(image) ? image.archive : tarOf(...[...layoutOf(image).files].map(([name, bytes]) => file(name, bytes))),
  );
  return archives.filter((archive) => small([archive]));
}

/** Returns the JSON documents of the layouts in the corpus. */
export function documentSeeds(): readonly Buffer[] {
  const documents = ALL_CASES.flatMap(({ image }) =>
    isArchive(image) ? [] : [...layoutOf(image).files.values()].filter((bytes) => bytes[0] === 0x7b),
  );
  return [...new Map(documents.map((bytes) => [bytes.toString('latin1'), bytes])).values()].filter((bytes) =>
    small([bytes]),
  );
}

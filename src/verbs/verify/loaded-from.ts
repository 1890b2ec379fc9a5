import type { FoundImage } from '../../image/load.ts';
import type { Source } from '../../image/source.ts';
import type { Digest } from '../../oci/digest.ts';
import type { SignedImage } from './verify-image.ts';

// A file of its own: a policy that demands no signature is common, and needs none of the code that verifies.

/** An image whose manifest was found, and the source that has its signatures. */
export interface LoadedFrom {
  readonly image: Pick<FoundImage, 'descriptor' | 'indexes' | 'resolved'>;
  readonly source: Source;
  /** The image's name, as the user wrote it. */
  readonly name: string;
  /** The digest of the image's index, if the image was loaded without it. The store records it. */
  readonly chosenFrom?: Digest | undefined;
}

/** Returns the digests that a signature may be for. The index comes first: makers sign indexes. */
function signable({ image, chosenFrom }: LoadedFrom): readonly Digest[] {
  const indexes = image.indexes.map(({ descriptor }) => descriptor.digest);
  return [...new Set([...(chosenFrom === undefined ? [] : [chosenFrom]), ...indexes, image.descriptor.digest])];
}

/** Describes a loaded image for the verification of its signatures. */
export function imageOf(loaded: LoadedFrom): SignedImage {
  const digests = signable(loaded);
  return { source: loaded.source, label: `${loaded.name.replace(/@.*$/, '')}@${digests[0]}`, digests };
}

import { TsimgError } from '../../errors.ts';
import { ANNOTATION } from '../../oci/annotations.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { documentKindOf } from '../../oci/media-type.ts';

/** More entries than this are not opened. */
const MAX_OPENED = 1000;

/** The annotation of `cosign save` with the kind of a layout's entry, and its value for each suffix of a tag. */
const KIND = 'kind';
const KIND_OF_SUFFIX: Readonly<Record<string, string>> = {
  sig: 'dev.cosignproject.cosign/sigs',
  att: 'dev.cosignproject.cosign/atts',
};

/**
 * Lists the entries of a layout whose manifest names a subject. An entry that cannot be read refers to nothing.
 * @param read a document of an entry; undefined where it is not there
 */
export async function referrersIn(
  entries: readonly Descriptor[],
  subject: Digest,
  read: (descriptor: Descriptor) => Promise<Buffer | undefined>,
): Promise<readonly Descriptor[]> {
  const found: Descriptor[] = [];
  for (const descriptor of entries.slice(0, MAX_OPENED)) {
    const { mediaType, digest } = descriptor;
    if (digest === subject || documentKindOf(mediaType) !== 'manifest') continue;
    try {
      const bytes = await read(descriptor);
      if (bytes !== undefined && parseManifest(bytes, mediaType, digest).subject?.digest === subject)
        found.push(descriptor);
    } catch (error) {
      if (!(error instanceof TsimgError)) throw error;
    }
  }
  return found;
}

/** Finds the entry that is named by a tag such as `sha256-HEX.sig`, or is marked as `cosign save` marks signatures. */
export function attachedIn(entries: readonly Descriptor[], tag: string): Descriptor | undefined {
  const kind = KIND_OF_SUFFIX[tag.slice(tag.lastIndexOf('.') + 1)];
  return entries.find(({ annotations = {} }) => {
    const names = [annotations[ANNOTATION.refName], annotations[ANNOTATION.containerdName]];
    const isNamed = names.some((name) => name === tag || name?.endsWith(`:${tag}`));
    return isNamed || (kind !== undefined && annotations[KIND] === kind);
  });
}

import { TsimgError } from '../../errors.ts';
import { isImageConfigType } from '../../image/check-image.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { parseImageIndex } from '../../oci/image-index.ts';
import { type Manifest, parseManifest } from '../../oci/manifest.ts';
import { documentKindOf } from '../../oci/media-type.ts';

/** An entry of a layout's index, with what it is called. */
interface Listed {
  readonly descriptor: Descriptor;
  readonly names: readonly string[];
}

/** What stands in a layout's index beside its images. */
export interface Companions {
  /** Signatures, SBOMs and whatever else no root filesystem can be made of. */
  readonly artifacts: ReadonlySet<Digest>;
  /** Listed by an index that is an entry itself: the image is that. */
  readonly children: ReadonlySet<Digest>;
}

/** More entries than this are not opened: which of them is meant is for the user to say. */
const MAX_OPENED = 200;
/**
 * How cosign names signatures, and clients of old registries an index of them: distribution spec, referrers tag schema.
 */
const REFERRERS_TAG = /^sha256-[0-9a-f]{64}(?:\.(?:sig|att|sbom))?$/;
/** What the layers of images are, in all forms that there are, also those that are not read here. */
const IMAGE_LAYER = /^(?:$|application\/vnd\.(?:oci\.image\.layer\.|docker\.image\.rootfs\.|erofs))/;

function saysArtifact({ artifactType, subject, config, layers }: Manifest): boolean {
  if (subject !== undefined || !isImageConfigType(artifactType ?? '') || !isImageConfigType(config.mediaType))
    return true;
  // A signature of cosign's has an image's config
  return layers.length > 0 && !layers.some(({ mediaType }) => IMAGE_LAYER.test(mediaType));
}

/**
 * Which entries are no images of their own. What cannot be read is left as it is: who asks for it is told why.
 * @param read a document of an entry; undefined where it is not there
 */
export async function companionsOf(
  entries: readonly Listed[],
  read: (descriptor: Descriptor) => Promise<Buffer | undefined>,
): Promise<Companions> {
  const artifacts = new Set<Digest>();
  const children = new Set<Digest>();
  const isAlone = new Set(entries.map(({ descriptor }) => descriptor.digest)).size < 2;
  for (const { descriptor, names } of isAlone ? [] : entries.slice(0, MAX_OPENED)) {
    const { digest } = descriptor;
    if (names.some((name) => REFERRERS_TAG.test(name))) artifacts.add(digest);
    else {
      const { isArtifact, members } = await lookInto(descriptor, read);
      if (isArtifact) artifacts.add(digest);
      for (const member of members) if (member !== digest) children.add(member);
    }
  }
  return { artifacts, children };
}

interface Findings {
  readonly isArtifact: boolean;
  /** Of an index. */
  readonly members: readonly Digest[];
}

async function lookInto(
  descriptor: Descriptor,
  read: (descriptor: Descriptor) => Promise<Buffer | undefined>,
): Promise<Findings> {
  const { digest, mediaType, artifactType = '' } = descriptor;
  const kind = documentKindOf(mediaType);
  const isOther = !isImageConfigType(artifactType) || (kind === 'other' && mediaType !== '');
  if (isOther || (kind !== 'index' && kind !== 'manifest')) return { isArtifact: isOther, members: [] };
  try {
    const bytes = await read(descriptor);
    if (bytes === undefined) return { isArtifact: false, members: [] };
    if (kind === 'manifest') return { isArtifact: saysArtifact(parseManifest(bytes, mediaType, digest)), members: [] };
    const { subject, manifests } = parseImageIndex(bytes, mediaType, digest);
    return { isArtifact: subject !== undefined, members: manifests.map((member) => member.digest) };
  } catch (error) {
    // Whoever asks for this entry is told what is wrong with it; another may be meant
    if (error instanceof TsimgError) return { isArtifact: false, members: [] };
    throw error;
  }
}

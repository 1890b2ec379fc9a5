import { TsimgError } from '../../errors.ts';
import { isImageConfigType } from '../../image/check-image.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { parseImageIndex } from '../../oci/image-index.ts';
import { type Manifest, parseManifest } from '../../oci/manifest.ts';
import { documentKindOf } from '../../oci/media-type.ts';

/** An entry of a layout's index, with its names. */
interface Listed {
  readonly descriptor: Descriptor;
  readonly names: readonly string[];
}

/** The entries of a layout's index that are no images of their own. */
export interface Companions {
  /** Signatures, SBOMs and other artifacts, which hold no root filesystem. */
  readonly artifacts: ReadonlySet<Digest>;
  /** Members of an index that is an entry itself: the index is the image. */
  readonly children: ReadonlySet<Digest>;
}

/** The most entries that are opened: beyond it, the user has to name an image. */
const MAX_OPENED = 200;
/** Tags of signatures (cosign) and of indexes of referrers (distribution spec, referrers tag schema). */
const REFERRERS_TAG = /^sha256-[0-9a-f]{64}(?:\.(?:sig|att|sbom))?$/;
/** Media types of image layers of every form, also of those that tsimg does not read. */
const IMAGE_LAYER = /^(?:$|application\/vnd\.(?:oci\.image\.layer\.|docker\.image\.rootfs\.|erofs))/;

function saysArtifact({ artifactType, subject, config, layers }: Manifest): boolean {
  if (subject !== undefined || !isImageConfigType(artifactType ?? '') || !isImageConfigType(config.mediaType))
    return true;
  // A cosign signature has the config type of an image.
  return layers.length > 0 && !layers.some(({ mediaType }) => IMAGE_LAYER.test(mediaType));
}

/**
 * Finds the entries that are no images of their own. An unreadable entry is left alone: it fails when it is asked for.
 * @param read reads a document of an entry; undefined where it is missing
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
  /** The members, where the entry is an index. */
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
    // A damaged entry fails when it is asked for; the user may mean another one.
    if (error instanceof TsimgError) return { isArtifact: false, members: [] };
    throw error;
  }
}

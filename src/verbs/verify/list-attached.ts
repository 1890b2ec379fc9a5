import type { Context } from '../../events.ts';
import { readDocument } from '../../image/read-document.ts';
import type { Source } from '../../image/source.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { parseImageIndex } from '../../oci/image-index.ts';
import { type Manifest, parseManifest } from '../../oci/manifest.ts';
import { documentKindOf } from '../../oci/media-type.ts';
import { attachedTag, typeOf } from './attached-form.ts';

/** How something is attached to an image. */
export type AttachedForm = 'referrer' | 'cosign-tag' | 'attestation-tag' | 'sbom-tag' | 'buildkit';

/** Something that is attached to an image. Nothing of it is verified. */
export interface AttachedArtifact {
  readonly form: AttachedForm;
  /** The predicate type of an attestation, if it is annotated; else the type of the artifact or the layer. */
  readonly type: string;
  readonly subject: Digest;
  /** The digest of the manifest that holds it. */
  readonly digest: Digest;
  /** The size of its layers in bytes. */
  readonly size: number;
  /** The time in its annotations, RFC 3339; unverified. */
  readonly created: string | undefined;
  readonly layers: readonly Descriptor[];
}

const TAGS = [
  { suffix: 'sig', form: 'cosign-tag' },
  { suffix: 'att', form: 'attestation-tag' },
  { suffix: 'sbom', form: 'sbom-tag' },
] as const;

const ANNOTATION = {
  created: 'org.opencontainers.image.created',
  bundlePredicate: 'dev.sigstore.bundle.predicateType',
  cosignPredicate: 'predicateType',
  buildkitPredicate: 'in-toto.io/predicate-type',
  referenceType: 'vnd.docker.reference.type',
  referenceDigest: 'vnd.docker.reference.digest',
} as const;

/** The most rows for one image. */
const MAX_LISTED = 1000;

async function readManifest(source: Source, descriptor: Descriptor, signal?: AbortSignal): Promise<Manifest> {
  const where = `${source.label} ${descriptor.digest}`;
  return parseManifest(await readDocument(source, descriptor, signal), descriptor.mediaType, where);
}

/** Makes the row of a referrer. */
function whole(subject: Digest, { digest }: Descriptor, manifest: Manifest): AttachedArtifact {
  const { annotations = {}, layers } = manifest;
  const predicate = annotations[ANNOTATION.bundlePredicate];
  const type = typeOf(manifest);
  return {
    form: 'referrer',
    type: predicate === undefined ? type : `${type} ${predicate}`,
    subject,
    digest,
    size: layers.reduce((sum, layer) => sum + layer.size, 0),
    created: annotations[ANNOTATION.created],
    layers,
  };
}

interface Holder {
  readonly form: AttachedForm;
  readonly subject: Digest;
  readonly descriptor: Descriptor;
}

/** Makes a row for each layer: cosign and BuildKit keep several signatures or attestations in one manifest. */
function eachLayer({ form, subject, descriptor }: Holder, manifest: Manifest): readonly AttachedArtifact[] {
  return manifest.layers.map((layer) => {
    const { annotations = {} } = layer;
    const predicate = annotations[ANNOTATION.cosignPredicate] ?? annotations[ANNOTATION.buildkitPredicate];
    return {
      form,
      type: predicate ?? layer.mediaType,
      subject,
      digest: descriptor.digest,
      size: layer.size,
      created: manifest.annotations?.[ANNOTATION.created],
      layers: [layer],
    };
  });
}

/** Returns the manifests that BuildKit adds to an index as attestations of its images. */
async function buildkitAttestations(
  source: Source,
  index: Descriptor,
  signal?: AbortSignal,
): Promise<readonly Holder[]> {
  if (documentKindOf(index.mediaType) !== 'index') return [];
  const where = `${source.label} ${index.digest}`;
  const { manifests } = parseImageIndex(await readDocument(source, index, signal), index.mediaType, where);
  return manifests.flatMap((descriptor) => {
    const { annotations = {} } = descriptor;
    if (annotations[ANNOTATION.referenceType] !== 'attestation-manifest') return [];
    const subject = manifests.find(({ digest }) => digest === annotations[ANNOTATION.referenceDigest]);
    return [{ form: 'buildkit' as const, subject: subject?.digest ?? index.digest, descriptor }];
  });
}

async function holdersOf(source: Source, image: Descriptor, signal?: AbortSignal): Promise<readonly Holder[]> {
  const holders: Holder[] = [];
  for (const { suffix, form } of TAGS) {
    const descriptor = await source.attached?.(attachedTag(image.digest, suffix), signal);
    if (descriptor !== undefined && documentKindOf(descriptor.mediaType) === 'manifest') {
      holders.push({ form, subject: image.digest, descriptor });
    }
  }
  return [...holders, ...(await buildkitAttestations(source, image, signal))];
}

/**
 * Lists everything that is attached to an image, in every known form: referrers, cosign's tags, BuildKit's entries of
 * the index. Type and subject of a referrer are read from its manifest, not from the list of referrers. At most 1,000
 * rows.
 * @throws the errors of the source
 */
export async function listAttached(
  source: Source,
  image: Descriptor,
  { signal }: Context,
): Promise<readonly AttachedArtifact[]> {
  const rows: AttachedArtifact[] = [];
  const referrers = (await source.referrers?.(image.digest, signal)) ?? [];
  for (const descriptor of referrers.slice(0, MAX_LISTED)) {
    if (documentKindOf(descriptor.mediaType) !== 'manifest') continue;
    const manifest = await readManifest(source, descriptor, signal);
    if (manifest.subject?.digest === image.digest) rows.push(whole(image.digest, descriptor, manifest));
  }
  for (const holder of await holdersOf(source, image, signal)) {
    rows.push(...eachLayer(holder, await readManifest(source, holder.descriptor, signal)));
  }
  return rows.slice(0, MAX_LISTED);
}

/** Media types and predicate types of SBOMs. */
const SBOM_TYPE = /spdx|cyclonedx|syft/i;

/** Returns whether the type of an artifact or of one of its layers is that of an SBOM. */
export function isSbom({ type, layers }: AttachedArtifact): boolean {
  return SBOM_TYPE.test(type) || layers.some(({ mediaType }) => SBOM_TYPE.test(mediaType));
}

import { digestOf } from '../../crypto/digest.ts';
import { TsimgError } from '../../errors.ts';
import { idPrefixOf, matchName } from '../../image/match-name.ts';
import type { NamedImage } from '../../image/source.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { type Digest, hexOf } from '../../oci/digest.ts';
import { MEDIA_TYPE } from '../../oci/media-type.ts';
import { formatPlatform, type Platform, platformRank } from '../../oci/platform.ts';
import { indexDocument } from '../../oci/write-document.ts';
import type { Companions } from './companions.ts';

/** An image of an archive or a layout, with its names and digests. */
export interface Entry {
  readonly descriptor: Descriptor;
  /** Names for listings. */
  readonly names: readonly string[];
  /** Further names by which it is found: a tag beside the complete name. */
  readonly aliases?: readonly string[] | undefined;
  readonly digests: readonly Digest[];
  /** The digest of the index that it was chosen from. */
  readonly chosenFrom?: Digest | undefined;
}

/** The chosen entry, or an index of several entries for different platforms. */
export interface Selection {
  readonly descriptor: Descriptor;
  /** The bytes of an index that was made here. */
  readonly synthetic?: Buffer | undefined;
  /** The digest of the index that all entries of such an index were chosen from. */
  readonly chosenFrom?: Digest | undefined;
}

const NONE: Companions = { artifacts: new Set(), children: new Set() };

export interface SelectOptions {
  /** Finds the entries that are no images of their own; called only when no name is given. */
  readonly companions?: (() => Promise<Companions>) | undefined;
  /** The list for names such as `@0`, an entry's place in index.json or manifest.json, as skopeo counts. */
  readonly byPlace?: readonly Descriptor[] | undefined;
  readonly label: string;
  readonly bareTags: boolean;
  /** The platform to prefer among images of the same index. */
  readonly wanted?: Platform | undefined;
  /** Returns the image ID (the config's digest) of an entry; called only when no name matches. */
  readonly imageId?: ((descriptor: Descriptor) => Promise<Digest | undefined>) | undefined;
}

/** Lists the images, one line for each name. An entry without a name is left out when it is a member of an index. */
export function namedImages(entries: readonly Entry[], companions: Companions = NONE): readonly NamedImage[] {
  const { artifacts, children } = companions;
  return entries.flatMap(({ names, descriptor }): readonly NamedImage[] => {
    const isArtifact = artifacts.has(descriptor.digest);
    if (names.length > 0) return names.map((name) => ({ name, descriptor, isArtifact }));
    return children.has(descriptor.digest) ? [] : [{ name: undefined, descriptor, isArtifact }];
  });
}

/** Removes companions, unless there is nothing else. */
function withoutCompanions(entries: readonly Entry[], { artifacts, children }: Companions): readonly Entry[] {
  const own = entries.filter(({ descriptor: { digest } }) => !artifacts.has(digest) && !children.has(digest));
  return own.length === 0 ? entries : own;
}

function ambiguous(entries: readonly Entry[], label: string): TsimgError {
  const counts = new Map<string | undefined, number>();
  for (const {
    names: [name],
  } of entries)
    counts.set(name, (counts.get(name) ?? 0) + 1);
  // A name that several entries have cannot tell them apart.
  const names = entries.map(({ names: [name], descriptor }) =>
    name === undefined || (counts.get(name) ?? 0) > 1 ? descriptor.digest : name,
  );
  const shown = names.slice(0, 20).join(', ');
  const more = names.length > 20 ? ` and ${names.length - 20} more` : '';
  return new TsimgError('IMAGE_AMBIGUOUS', 'several images', {
    where: label,
    why: `it holds ${shown}${more}`,
    hint: 'name one of them: docker-archive:PATH:REF, oci-archive:PATH:REF, oci:PATH:TAG or oci:PATH@DIGEST',
    facts: { images: names },
  });
}

/** Makes an index of entries for different platforms: a layout may list them side by side (skopeo#2463). */
function asIndex(entries: readonly Entry[]): Selection | undefined {
  const platforms = new Set<string>();
  for (const { descriptor } of entries) {
    if (descriptor.platform === undefined) return undefined;
    // Two entries for the same platform differ in the features that they need of the host.
    platforms.add([formatPlatform(descriptor.platform), ...(descriptor.platform.osFeatures ?? [])].join(' '));
  }
  if (platforms.size !== entries.length) return undefined;
  const descriptors = entries.map(({ descriptor }) => ({ ...descriptor, annotations: undefined }));
  const synthetic = Buffer.from(indexDocument(MEDIA_TYPE.ociIndex, descriptors));
  const descriptor = { mediaType: MEDIA_TYPE.ociIndex, digest: digestOf(synthetic), size: synthetic.length };
  const [chosenFrom, ...others] = new Set(entries.map((entry) => entry.chosenFrom));
  return { descriptor, synthetic, chosenFrom: others.length === 0 ? chosenFrom : undefined };
}

async function matchId(
  entries: readonly Entry[],
  wanted: string,
  imageId: NonNullable<SelectOptions['imageId']>,
): Promise<readonly Entry[]> {
  const prefix = idPrefixOf(wanted);
  if (prefix === undefined) return [];
  const matching: Entry[] = [];
  for (const entry of entries) {
    const ids = [...entry.digests, await imageId(entry.descriptor)];
    if (ids.some((id) => id !== undefined && hexOf(id).startsWith(prefix))) matching.push(entry);
  }
  return matching;
}

function matchEntries(entries: readonly Entry[], name: string, options: SelectOptions): readonly Entry[] {
  const candidates = entries.map((entry) => ({ ...entry, names: [...entry.names, ...(entry.aliases ?? [])], entry }));
  return matchName(candidates, name, options).map(({ entry }) => entry);
}

/** A name, and the entries that it stands for. */
interface Match {
  readonly name: string;
  readonly matching: readonly Entry[];
}

/**
 * Finds the image for a platform among those of the index that a name stands for: images of one index for several
 * platforms share a name, or have lost it to another one. Undefined where the name is that of a single manifest, or
 * where none serves.
 */
function ofSameIndex(entries: readonly Entry[], { name, matching }: Match, wanted: Platform): Entry | undefined {
  const indexes = new Set(matching.map(({ chosenFrom }) => chosenFrom));
  const [index] = indexes;
  if (index === undefined || indexes.size > 1) return undefined;
  if (matching.some(({ descriptor }) => name.includes(descriptor.digest))) return undefined;
  const ranked = [...matching, ...entries].flatMap((entry) => {
    const { chosenFrom, descriptor } = entry;
    const rank = descriptor.platform === undefined ? undefined : platformRank(wanted, descriptor.platform);
    return chosenFrom === index && rank !== undefined ? [{ entry, rank }] : [];
  });
  return ranked.toSorted((left, right) => left.rank - right.rank)[0]?.entry;
}

/**
 * Selects the entry for a name (reference, tag, digest, image ID), or the only one without a name. Undefined when none
 * matches.
 * @throws IMAGE_AMBIGUOUS when several match that are not one image for several platforms
 */
export async function selectEntry(
  entries: readonly Entry[],
  name: string | undefined,
  options: SelectOptions,
): Promise<Selection | undefined> {
  const place = name === undefined ? undefined : /^@(\d{1,6})$/.exec(name)?.[1];
  if (place !== undefined && options.byPlace !== undefined) {
    const descriptor = options.byPlace[Number(place)];
    return descriptor && { descriptor };
  }
  let matching =
    name === undefined
      ? withoutCompanions(entries, (await options.companions?.()) ?? NONE)
      : matchEntries(entries, name, options);
  if (name !== undefined && options.wanted !== undefined) {
    const served = ofSameIndex(entries, { name, matching }, options.wanted);
    if (served !== undefined) return { descriptor: served.descriptor };
  }
  if (name !== undefined && matching.length === 0 && options.imageId !== undefined) {
    matching = await matchId(entries, name, options.imageId);
  }
  const distinct = [...new Map(matching.map((entry) => [entry.descriptor.digest, entry] as const)).values()];
  const [first] = distinct;
  if (first === undefined) return undefined;
  if (distinct.length === 1) return { descriptor: first.descriptor };
  const oneImage = new Set(distinct.map(({ names }) => names[0])).size === 1;
  const index = oneImage ? asIndex(distinct) : undefined;
  if (index === undefined) throw ambiguous(distinct, options.label);
  return index;
}

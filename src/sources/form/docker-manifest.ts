import { z } from 'zod';
import { optional } from '../../oci/descriptor.ts';
import { checkDocument } from '../../oci/document.ts';

/** An image of a docker archive: an entry of its manifest.json. */
export interface DockerEntry {
  /** The member that holds the config. */
  readonly config: string;
  /** Names with tags; of an image that was saved by its ID there are none. */
  readonly repoTags: readonly string[];
  /** The members that hold the layers, base first. */
  readonly layers: readonly string[];
}

/** Go reads keys without regard to case, and so could Jib write them in lower case. */
function lowerCaseKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.assign(
    Object.create(null),
    Object.fromEntries(Object.entries(value).map(([key, item]) => [key.toLowerCase(), item])),
  );
}

const entrySchema = z.preprocess(
  lowerCaseKeys,
  z
    .object({
      config: z.string().min(1),
      repotags: optional(z.array(z.string())),
      layers: optional(z.array(z.string())),
    })
    .transform(
      ({ config, repotags, layers }): DockerEntry => ({ config, repoTags: repotags ?? [], layers: layers ?? [] }),
    ),
);

/**
 * Whether a JSON value is docker's manifest.json, which is a list: skopeo's directories have an image's manifest there.
 */
export function isDockerManifest(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  const first: unknown = lowerCaseKeys(value[0]);
  return value.length === 0 || (typeof first === 'object' && first !== null && 'config' in first && 'layers' in first);
}

/** JSON value of manifest.json → entries. @throws DOCUMENT_INVALID */
export function checkDockerManifest(value: unknown, where: string): readonly DockerEntry[] {
  return checkDocument(z.array(entrySchema), value, 'manifest.json', where);
}

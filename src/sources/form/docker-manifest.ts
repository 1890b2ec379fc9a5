import { optional } from '../../oci/descriptor-schema.ts';
import { checkDocument } from '../../oci/document.ts';
import * as z from '../../schema/zod.ts';

/** An entry of manifest.json: an image of a docker archive. */
export interface DockerEntry {
  /** The member that holds the config. */
  readonly config: string;
  /** Names with tags; empty for an image that was saved by its ID. */
  readonly repoTags: readonly string[];
  /** The members that hold the layers, base first. */
  readonly layers: readonly string[];
}

/** Go ignores the case of keys, so Jib could write them in lower case. */
function lowerCaseKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.assign(
    Object.create(null),
    Object.fromEntries(Object.entries(value).map(([key, item]) => [key.toLowerCase(), item])),
  );
}

const entrySchema = z.pipe(
  z.transform(lowerCaseKeys),
  z.pipe(
    z.object({
      config: z.string().check(z.minLength(1)),
      repotags: optional(z.array(z.string())),
      layers: optional(z.array(z.string())),
    }),
    z.transform(
      ({ config, repotags, layers }): DockerEntry => ({ config, repoTags: repotags ?? [], layers: layers ?? [] }),
    ),
  ),
);

/**
 * Returns whether a JSON value is docker's manifest.json, which is a list: skopeo's `dir:` has an image's manifest
 * under that name.
 */
export function isDockerManifest(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  const first: unknown = lowerCaseKeys(value[0]);
  return value.length === 0 || (typeof first === 'object' && first !== null && 'config' in first && 'layers' in first);
}

/** Checks the JSON value of manifest.json. @throws DOCUMENT_INVALID */
export function checkDockerManifest(value: unknown, where: string): readonly DockerEntry[] {
  return checkDocument(z.array(entrySchema), value, 'manifest.json', where);
}

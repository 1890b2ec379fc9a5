import * as z from '../schema/zod.ts';
import type { Descriptor } from './descriptor.ts';
import { type Digest, isDigest } from './digest.ts';
import type { Platform } from './platform.ts';

// What documents have in common. Apart from the types: a user's compiler, which reads those, need not read Zod's.

/** A text from outside that must be a digest. */
export const digestSchema = z.pipe(
  z.string().check(z.refine(isDigest, { error: 'not a sha256 or sha512 digest' })),
  z.transform((text) => text as Digest),
);

/** Go writes an empty map or list as null: in these documents, null means absent. */
export function optional<T extends z.ZodMiniType>(schema: T) {
  return z.optional(
    z.pipe(
      z.nullish(schema),
      z.transform((value) => value ?? undefined),
    ),
  );
}

/** A map of texts, without a prototype: its keys are from outside. */
export const stringMapSchema = z.pipe(
  z.record(z.string(), z.string()),
  z.transform((map): Readonly<Record<string, string>> => Object.assign(Object.create(null), map)),
);

const platformSchema = z.pipe(
  z.object({
    os: z.string().check(z.maxLength(64)),
    architecture: z.string().check(z.maxLength(64)),
    variant: optional(z.string().check(z.maxLength(64))),
    'os.version': optional(z.string().check(z.maxLength(128))),
    'os.features': optional(z.array(z.string().check(z.maxLength(128)))),
  }),
  z.transform(
    (raw): Platform => ({
      os: raw.os,
      architecture: raw.architecture,
      variant: raw.variant || undefined,
      osVersion: raw['os.version'] || undefined,
      ...(raw['os.features']?.length ? { osFeatures: raw['os.features'] } : {}),
    }),
  ),
);

export const descriptorSchema = z.pipe(
  z.object({
    mediaType: optional(z.string().check(z.maxLength(255))),
    digest: digestSchema,
    size: z.int().check(z.gte(0)),
    platform: optional(platformSchema),
    annotations: optional(stringMapSchema),
    urls: optional(z.array(z.string())),
    artifactType: optional(z.string()),
    data: optional(z.base64()),
  }),
  z.transform((raw): Descriptor => ({ ...raw, mediaType: raw.mediaType ?? '' })),
);

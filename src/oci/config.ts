import { z } from 'zod';
import { TsimgError } from '../errors.ts';
import { digestSchema, optional, stringMapSchema } from './descriptor.ts';
import type { Digest } from './digest.ts';
import { checkDocument, parseJson } from './document.ts';
import { normalizePlatform, type Platform } from './platform.ts';
import { EMPTY_RUN_CONFIG, type RunConfig } from './run-config.ts';

/** A step of how an image was made. OCI image spec, config.md, `history`. */
export interface HistoryEntry {
  readonly created?: string | undefined;
  readonly createdBy?: string | undefined;
  readonly author?: string | undefined;
  readonly comment?: string | undefined;
  readonly emptyLayer: boolean;
}

/** The config of an image: its platform, what it runs, and the diff IDs of its layers. OCI image spec, config.md. */
export interface ImageConfig {
  readonly platform: Platform;
  readonly created?: string | undefined;
  readonly author?: string | undefined;
  readonly run: RunConfig;
  /** Base layer first; the same one may stand twice. */
  readonly diffIds: readonly Digest[];
  readonly history: readonly HistoryEntry[];
}

/** Old builders wrote one string where a list belongs: docker reads it as one element. */
const words = z
  .union([z.array(z.string()), z.string()])
  .nullish()
  .transform((value): readonly string[] =>
    value === null || value === undefined ? [] : typeof value === 'string' ? [value] : value,
  );

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '');

/** `{ "80/tcp": {} }` is a set written as a map. */
const keySet = z
  .record(z.string(), z.unknown())
  .nullish()
  .transform((value): readonly string[] => Object.keys(value ?? {}));

const runSchema = z
  .object({
    User: text,
    Env: words,
    Entrypoint: words,
    Cmd: words,
    WorkingDir: text,
    Labels: optional(stringMapSchema),
    ExposedPorts: keySet,
    Volumes: keySet,
    StopSignal: text,
  })
  .transform(
    (raw): RunConfig => ({
      user: raw.User,
      env: raw.Env,
      entrypoint: raw.Entrypoint,
      cmd: raw.Cmd,
      workingDir: raw.WorkingDir,
      labels: raw.Labels ?? {},
      exposedPorts: raw.ExposedPorts,
      volumes: raw.Volumes,
      stopSignal: raw.StopSignal,
    }),
  );

const configSchema = z
  .object({
    os: text,
    architecture: text,
    variant: optional(z.string()),
    'os.version': optional(z.string()),
    created: optional(z.string()),
    author: optional(z.string()),
    config: optional(runSchema),
    rootfs: optional(z.object({ type: optional(z.string()), diff_ids: z.array(digestSchema).nullish() })),
    history: z
      .array(
        z.object({
          created: optional(z.string()),
          created_by: optional(z.string()),
          author: optional(z.string()),
          comment: optional(z.string()),
          empty_layer: optional(z.boolean()),
        }),
      )
      .nullish(),
  })
  .transform(
    (raw): ImageConfig => ({
      platform: normalizePlatform({
        os: raw.os || 'linux',
        architecture: raw.architecture,
        variant: raw.variant,
        osVersion: raw['os.version'],
      }),
      created: raw.created,
      author: raw.author,
      run: raw.config ?? EMPTY_RUN_CONFIG,
      diffIds: raw.rootfs?.diff_ids ?? [],
      history: (raw.history ?? []).map((entry) => ({
        created: entry.created,
        createdBy: entry.created_by,
        author: entry.author,
        comment: entry.comment,
        emptyLayer: entry.empty_layer ?? false,
      })),
    }),
  );

/** Bytes of an image config → value. @throws DOCUMENT_INVALID */
export function parseImageConfig(bytes: Uint8Array, where: string): ImageConfig {
  return checkDocument(configSchema, parseJson(bytes, 'image config', where), 'image config', where);
}

/** Manifest and config must speak of the same layers. @throws DOCUMENT_INVALID */
export function checkLayerCount(layers: number, config: ImageConfig, where: string): void {
  if (layers === config.diffIds.length) return;
  throw new TsimgError('DOCUMENT_INVALID', 'manifest and config disagree', {
    where,
    why: `${layers} layers, ${config.diffIds.length} diff IDs`,
    facts: { layers, diffIds: config.diffIds.length },
  });
}

import { TsimgError } from '../errors.ts';
import { plural } from '../plural.ts';
import * as z from '../schema/zod.ts';
import { digestSchema, optional, stringMapSchema } from './descriptor-schema.ts';
import type { Digest } from './digest.ts';
import { checkDocument, parseJson } from './document.ts';
import type { Healthcheck } from './healthcheck.ts';
import { normalizePlatform, type Platform } from './platform.ts';
import { EMPTY_RUN_CONFIG, type RunConfig } from './run-config.ts';

/** A step of the image's build. OCI image spec, config.md, "history". */
export interface HistoryEntry {
  /** RFC 3339, as the builder wrote it: not checked. */
  readonly created?: string | undefined;
  /** The command of the step. */
  readonly createdBy?: string | undefined;
  readonly author?: string | undefined;
  readonly comment?: string | undefined;
  /** Whether the step made no layer. */
  readonly emptyLayer: boolean;
}

/** The configuration of an image. OCI image spec, config.md. */
export interface ImageConfig {
  /** Normalized: GOARCH names. The architecture is '' where the config has none. */
  readonly platform: Platform;
  /** RFC 3339, as the builder wrote it: not checked. */
  readonly created?: string | undefined;
  readonly author?: string | undefined;
  /** The settings with which a container of the image starts. */
  readonly run: RunConfig;
  /** One for each layer, base first; the same diff ID may stand twice. */
  readonly diffIds: readonly Digest[];
  /** The steps of the build, in order. */
  readonly history: readonly HistoryEntry[];
}

/** Old builders wrote one string in the place of a list: docker reads it as one element. */
const words = z.pipe(
  z.nullish(z.union([z.array(z.string()), z.string()])),
  z.transform((value): readonly string[] =>
    value === null || value === undefined ? [] : typeof value === 'string' ? [value] : value,
  ),
);

const text = z.pipe(
  z.nullish(z.string()),
  z.transform((value) => value ?? ''),
);

/** `{ "80/tcp": {} }` is a set written as a map. */
const keySet = z.pipe(
  z.nullish(z.record(z.string(), z.unknown())),
  z.transform((value): readonly string[] => Object.keys(value ?? {})),
);

const number = z.pipe(
  z.nullish(z.number()),
  z.transform((value) => value ?? undefined),
);

const healthcheckSchema = z.pipe(
  z.object({
    Test: words,
    Interval: number,
    Timeout: number,
    StartPeriod: number,
    StartInterval: number,
    Retries: number,
  }),
  z.transform(
    (raw): Healthcheck => ({
      test: raw.Test,
      interval: raw.Interval,
      timeout: raw.Timeout,
      startPeriod: raw.StartPeriod,
      startInterval: raw.StartInterval,
      retries: raw.Retries,
    }),
  ),
);

const runSchema = z.pipe(
  z.object({
    User: text,
    Env: words,
    Entrypoint: words,
    Cmd: words,
    WorkingDir: text,
    Labels: optional(stringMapSchema),
    ExposedPorts: keySet,
    Volumes: keySet,
    StopSignal: text,
    Healthcheck: optional(healthcheckSchema),
  }),
  z.transform(
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
      ...(raw.Healthcheck === undefined ? {} : { healthcheck: raw.Healthcheck }),
    }),
  ),
);

const configSchema = z.pipe(
  z.object({
    os: text,
    architecture: text,
    variant: optional(z.string()),
    'os.version': optional(z.string()),
    created: optional(z.string()),
    author: optional(z.string()),
    config: optional(runSchema),
    rootfs: optional(z.object({ type: optional(z.string()), diff_ids: z.nullish(z.array(digestSchema)) })),
    history: z.nullish(
      z.array(
        z.object({
          created: optional(z.string()),
          created_by: optional(z.string()),
          author: optional(z.string()),
          comment: optional(z.string()),
          empty_layer: optional(z.boolean()),
        }),
      ),
    ),
  }),
  z.transform(
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
  ),
);

/**
 * Parses the bytes of an image config. @param where names the config in errors
 * @throws DOCUMENT_INVALID
 */
export function parseImageConfig(bytes: Uint8Array, where: string): ImageConfig {
  return checkDocument(configSchema, parseJson(bytes, 'image config', where), 'image config', where);
}

/** Checks that manifest and config have the same number of layers. @throws DOCUMENT_INVALID */
export function checkLayerCount(layers: number, config: ImageConfig, where: string): void {
  if (layers === config.diffIds.length) return;
  throw new TsimgError('DOCUMENT_INVALID', 'manifest and config disagree', {
    where,
    why: `${plural(layers, 'layer')}, ${plural(config.diffIds.length, 'diff ID')}`,
    facts: { layers, diffIds: config.diffIds.length },
  });
}

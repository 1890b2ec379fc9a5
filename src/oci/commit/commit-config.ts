import { TsimgError } from '../../errors.ts';
import type { Digest } from '../digest.ts';
import { parseJson } from '../document.ts';
import { healthcheckDocument } from '../healthcheck.ts';
import type { RunConfig } from '../run-config.ts';

/** A step that is added to an image's history. OCI image spec, config.md, "history". */
export interface CommittedStep {
  /** The layer that the step made; undefined where it changed the settings only. */
  readonly diffId: Digest | undefined;
  /** RFC 3339. */
  readonly created: string;
  readonly createdBy: string;
  readonly author?: string | undefined;
  readonly comment?: string | undefined;
}

/** A change of an image's config. */
export interface ConfigChange {
  readonly run: RunConfig;
  /** At least one: the config is as old as the last of them. */
  readonly steps: readonly CommittedStep[];
  /** The author of the image; '' or undefined keeps the one that it has. */
  readonly author?: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Removes empty values: absent and empty mean the same. */
function filled(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => {
      if (value === '' || value === undefined) return false;
      return !(typeof value === 'object' && value !== null && Object.keys(value).length === 0);
    }),
  );
}

function runDocument(run: RunConfig): Fields {
  const keySet = (keys: readonly string[]) => Object.fromEntries(keys.map((key) => [key, {}]));
  return {
    User: run.user,
    Env: run.env,
    Entrypoint: run.entrypoint,
    Cmd: run.cmd,
    WorkingDir: run.workingDir,
    Labels: { ...run.labels },
    ExposedPorts: keySet(run.exposedPorts),
    Volumes: keySet(run.volumes),
    StopSignal: run.stopSignal,
    Healthcheck: run.healthcheck && healthcheckDocument(run.healthcheck),
  };
}

function entryOf({ diffId, created, createdBy, author, comment }: CommittedStep): Fields {
  const entry = filled({ created, created_by: createdBy, author, comment });
  return diffId === undefined ? { ...entry, empty_layer: true } : entry;
}

/**
 * Makes the config of an image with more steps, each with a layer or without one. Fields that tsimg does not know are
 * kept; docker's notes about the container that the image was made from are removed.
 * @param where names the image in errors
 * @throws DOCUMENT_INVALID
 */
export function commitConfig(base: Uint8Array, change: ConfigChange, where: string): Buffer {
  const before = fieldsOf(parseJson(base, 'image config', where));
  const { container, container_config, docker_version, id, parent, ...kept } = before;
  const { run, steps, author = '' } = change;
  const diffIds = listOf(fieldsOf(before.rootfs).diff_ids);
  if (diffIds.some((each) => typeof each !== 'string')) {
    throw new TsimgError('DOCUMENT_INVALID', 'image config is not valid', { where });
  }
  const document = {
    ...kept,
    created: steps.at(-1)?.created,
    ...(author === '' ? {} : { author }),
    config: filled({ ...fieldsOf(before.config), ...runDocument(run) }),
    rootfs: { type: 'layers', diff_ids: [...diffIds, ...steps.flatMap(({ diffId }) => diffId ?? [])] },
    history: [...listOf(before.history), ...steps.map(entryOf)],
  };
  return Buffer.from(JSON.stringify(document));
}

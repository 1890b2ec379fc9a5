import { TsimgError } from '../../errors.ts';
import type { Digest } from '../digest.ts';
import { parseJson } from '../document.ts';
import type { RunConfig } from '../run-config.ts';

/** The step that a commit adds to an image's config. */
export interface CommittedStep {
  readonly diffId: Digest;
  /** RFC 3339. */
  readonly created: string;
  readonly createdBy: string;
  readonly author: string;
  readonly comment: string;
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
      return value !== '' && !(typeof value === 'object' && value !== null && Object.keys(value).length === 0);
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
  };
}

/**
 * Makes the config of an image with one more layer. Fields that tsimg does not know are kept (a health check); docker's
 * notes about the container that the image was made from are removed. @throws DOCUMENT_INVALID
 */
export function commitConfig(base: Uint8Array, run: RunConfig, step: CommittedStep): Buffer {
  const where = 'the image of the container';
  const before = fieldsOf(parseJson(base, 'image config', where));
  const { container, container_config, docker_version, id, parent, ...kept } = before;
  const { diffId, created, createdBy, author, comment } = step;
  const diffIds = listOf(fieldsOf(before.rootfs).diff_ids);
  if (diffIds.some((each) => typeof each !== 'string')) {
    throw new TsimgError('DOCUMENT_INVALID', 'image config is not valid', { where });
  }
  const entry = filled({ created, created_by: createdBy, author, comment });
  const document = {
    ...kept,
    created,
    ...(author === '' ? {} : { author }),
    config: filled({ ...fieldsOf(before.config), ...runDocument(run) }),
    rootfs: { type: 'layers', diff_ids: [...diffIds, diffId] },
    history: [...listOf(before.history), entry],
  };
  return Buffer.from(JSON.stringify(document));
}

import { remadeImage } from '../../image/remade.ts';
import { editHealthcheck, type HealthRequest } from '../../launch/plan/health.ts';
import { parseSignal } from '../../linux/signals.ts';
import { buildTime } from '../../oci/commit/build-time.ts';
import { commitConfig } from '../../oci/commit/commit-config.ts';
import { editPairs, editRunConfig, type RunConfigEdit } from '../../oci/commit/edit-run-config.ts';
import { EMPTY_RUN_CONFIG, type RunConfig } from '../../oci/run-config.ts';
import { repairPlaces } from '../image/open-image.ts';
import { withRepair } from '../image/repair-stored.ts';
import type { AuthoredImage, AuthorOptions } from './author-options.ts';
import { openBase } from './open-base.ts';
import { parseTarget, publishImage } from './publish-image.ts';

/** The changes of an image's config and manifest. */
export interface ImageEdit extends RunConfigEdit {
  /** Annotations of the manifest: `NAME=value`, or `NAME-`. Docker's manifest has none: it becomes OCI's. */
  readonly annotation?: readonly string[] | undefined;
  /** The health check, as options of `run` change it; the same hold for all containers of the image then. */
  readonly health?: HealthRequest | undefined;
}

/** Changes the settings of an image: `clear` comes first, and instructions of `changes` last. @throws USAGE */
export function editSettings(before: RunConfig, { health, ...edit }: ImageEdit): RunConfig {
  if (health === undefined) return editRunConfig(before, edit, parseSignal);
  const old = edit.clear?.includes('healthcheck') ? undefined : before.healthcheck;
  const clear = edit.clear?.filter((each) => each !== 'healthcheck');
  return editRunConfig({ ...before, healthcheck: editHealthcheck(old, health) }, { ...edit, clear }, parseSignal);
}

/** Checks an edit before anything is asked of a registry. @throws USAGE */
export function checkEdit(edit: ImageEdit): void {
  // Instructions may need variables of the image, and options of a health check its command.
  const { health } = edit;
  const whole = health && { ...health, ...(health.none || health.command !== undefined ? {} : { command: 'true' }) };
  editSettings(EMPTY_RUN_CONFIG, { ...edit, health: whole, changes: [] });
  editPairs({}, 'annotation', edit.annotation ?? []);
}

/**
 * Makes an image with other settings of the same layers: config and manifest are new, layers and their digests stay.
 * Fields of the config that tsimg does not know are kept. `$SOURCE_DATE_EPOCH` is the time of the image, where it is
 * set. What does not come from the store must be accepted by policy.json.
 * @param text a reference, which is taken from the store or else from its registry, or any SOURCE
 * @throws USAGE, REFERENCE_INVALID, and the errors of `copySource`
 * @example
 * const { id } = await configureImage('alpine:3.20', { env: ['LANG=C.UTF-8'], cmd: '["sh"]' }, { tags: ['mine:1'] });
 */
export async function configureImage(
  text: string,
  edit: ImageEdit,
  options: AuthorOptions = {},
): Promise<AuthoredImage> {
  const target = await parseTarget(options);
  checkEdit(edit);
  const { created } = buildTime(process.env, new Date());
  return await withRepair([text], repairPlaces(options), async () => {
    await using base = await openBase(text, options);
    const { image, source } = base;
    const run = editSettings(image.config.run, edit);
    const { author, message: comment } = options;
    const steps = [{ diffId: undefined, created, createdBy: 'tsimg config', author, comment }];
    const config = commitConfig(image.raw.config, { run, steps, author }, text);
    const before = edit.clear?.includes('annotations') ? {} : (image.manifest.annotations ?? {});
    const annotations = editPairs(before, 'annotation', edit.annotation ?? []);
    return await publishImage(remadeImage(image, { config, annotations }), target, source, options);
  });
}

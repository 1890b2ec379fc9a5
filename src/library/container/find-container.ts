import type { Context } from '../../events.ts';
import { containersFolder } from '../../host/state/container.ts';
import { findContainer } from '../../host/state/find-container.ts';
import { listOfContainers } from '../../verbs/look/list-containers.ts';
import type { ListedContainer } from '../../verbs/look/listed-container.ts';
import type { StorePlace } from '../../verbs/places.ts';
import { type Checks, checkOptions, flag, text } from '../options/check-options.ts';
import { STORE_CHECKS } from '../options/context-checks.ts';
import { type Filters, filters, filtersOf } from '../options/filters.ts';
import { Container } from './container.ts';
import { type ContainerPlace, placeOf } from './place.ts';
import { withReason } from './reason.ts';

/** Which containers {@link listContainers} lists. */
export interface ContainerListOptions extends StorePlace, Context {
  /** Whether containers that are not running are listed too. Default false. */
  readonly all?: boolean | undefined;
  /** By `id`, `name`, `label`, `status`, `health`, `exited`, `ancestor`, `network` or `volume`. */
  readonly filters?: Filters | undefined;
  /** Whether the files of each container are measured. Default false. */
  readonly size?: boolean | undefined;
}

const LIST_CHECKS: Checks<ContainerListOptions> = {
  ...STORE_CHECKS,
  all: flag,
  filters,
  size: flag,
};

/**
 * Returns a container by its name, its ID, or the beginning of its ID. It stays when an `await using` block ends.
 * @throws CONTAINER_NOT_FOUND, CONTAINER_AMBIGUOUS, STORE_INVALID, FILESYSTEM
 */
export async function getContainer(nameOrId: string, options: StorePlace = {}): Promise<Container> {
  text('nameOrId', nameOrId);
  checkOptions('getContainer', options, { root: text });
  return await findAs(nameOrId, placeOf(options.root), true);
}

/** Returns a container. @param keep whether it stays at the end of its block @throws as `getContainer` */
export async function findAs(nameOrId: string, place: ContainerPlace, keep: boolean): Promise<Container> {
  const { record } = await findContainer(containersFolder(place.stateRoot), nameOrId);
  return new Container({ id: record.id, name: record.name, place, keep });
}

/**
 * Lists containers, newest first. A damaged record is a warning.
 * @throws USAGE for a filter, FILESYSTEM; with `size` LAUNCH_FAILED
 */
export async function listContainers(options: ContainerListOptions = {}): Promise<readonly ListedContainer[]> {
  checkOptions('listContainers', options, LIST_CHECKS);
  const { all, size, onEvent, signal } = options;
  signal?.throwIfAborted();
  const { stateRoot } = placeOf(options.root);
  const choice = { stateRoot, all, filters: filtersOf(options.filters), size };
  return await withReason(signal, () => listOfContainers(choice, { onEvent, signal }));
}

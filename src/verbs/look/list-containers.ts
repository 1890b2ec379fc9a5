import type { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { containersFolder } from '../../host/state/container.ts';
import { listContainers } from '../../host/state/find-container.ts';
import { matchesFilters, parseFilters } from './container-filters.ts';
import { type ListedContainer, listed } from './listed-container.ts';

/** Options of `listOfContainers`. */
export interface ListContainersOptions {
  readonly stateRoot: string;
  /** Lists containers that are not running too. */
  readonly all?: boolean | undefined;
  /** docker's `--filter KEY=VALUE`. A filter by status or exit status looks at all containers. */
  readonly filters?: readonly string[] | undefined;
}

/**
 * Lists the containers of a store, newest first: running ones, or all. A damaged record is a warning.
 * @throws USAGE for an invalid filter, FILESYSTEM
 */
export async function listOfContainers(
  { stateRoot, all = false, filters = [] }: ListContainersOptions,
  { onEvent }: Context = {},
): Promise<readonly ListedContainer[]> {
  const parsed = parseFilters(filters);
  const warn = ({ message, hint }: TsimgError) =>
    onEvent?.({ kind: 'warning', message: hint === undefined ? message : `${message}; ${hint}` });
  const containers = await listContainers(containersFolder(stateRoot), warn);
  for (const { left } of containers) if (left !== undefined) warn(left);
  const found = containers.map(listed);
  const everything = all || parsed.some(({ key }) => key === 'status' || key === 'exited');
  return found.filter(
    (container) =>
      (everything || ['running', 'paused', 'restarting'].includes(container.status)) &&
      matchesFilters(container, parsed),
  );
}

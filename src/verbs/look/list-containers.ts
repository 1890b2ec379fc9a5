import type { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { containersFolder } from '../../host/state/container.ts';
import { listContainers } from '../../host/state/find-container.ts';
import { matchesFilters, parseFilters } from './container-filters.ts';
import { type ListedContainer, listed } from './listed-container.ts';

export interface ListContainersOptions {
  readonly stateRoot: string;
  /** Those too that do not run. */
  readonly all?: boolean | undefined;
  /** docker's `--filter KEY=VALUE`; a filter by status looks at all. */
  readonly filters?: readonly string[] | undefined;
}

/**
 * The containers of a store, newest first: those that run, or all. A damaged record is told by a warning.
 * @throws USAGE for a filter that is none, FILESYSTEM
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
      (everything || container.status === 'running' || container.status === 'restarting') &&
      matchesFilters(container, parsed),
  );
}

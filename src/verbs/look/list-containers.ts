import type { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { containersFolder, type FoundContainer } from '../../host/state/container.ts';
import { listContainers } from '../../host/state/find-container.ts';
import { matchesFilters, parseFilters } from './container-filters.ts';
import { containerSizes } from './container-sizes.ts';
import { type ListedContainer, listed } from './listed-container.ts';

/** Options of `listOfContainers`. */
export interface ListContainersOptions {
  readonly stateRoot: string;
  /** Lists containers that are not running too. */
  readonly all?: boolean | undefined;
  /** docker's `--filter KEY=VALUE`. A filter by status or exit status looks at all containers. */
  readonly filters?: readonly string[] | undefined;
  /** Lists at most this many, the newest ones. */
  readonly last?: number | undefined;
  /** Measures the files of each container, which takes longer the more files there are. */
  readonly size?: boolean | undefined;
}

/**
 * Lists the containers of a store, newest first: running ones, or all. A damaged record is a warning.
 * @throws USAGE for an invalid filter, FILESYSTEM; with `size` what `containerSizes` throws
 */
export async function listOfContainers(
  { stateRoot, all = false, filters = [], last, size = false }: ListContainersOptions,
  context: Context = {},
): Promise<readonly ListedContainer[]> {
  const parsed = parseFilters(filters);
  const warn = ({ message, hint }: TsimgError) =>
    context.onEvent?.({ kind: 'warning', message: hint === undefined ? message : `${message}; ${hint}` });
  const containers = await listContainers(containersFolder(stateRoot), warn);
  for (const { left } of containers) if (left !== undefined) warn(left);
  const everything = all || parsed.some(({ key }) => key === 'status' || key === 'exited');
  const isWanted = (container: FoundContainer) => {
    const shown = listed(container);
    const isShown = everything || ['running', 'paused', 'restarting'].includes(shown.status);
    return isShown && matchesFilters(shown, parsed);
  };
  const found = containers.filter(isWanted).slice(0, last);
  const sizes = size ? await containerSizes(found, context) : undefined;
  return found.map((container) => listed(container, sizes?.get(container.record.id)));
}

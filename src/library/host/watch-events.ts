import type { HostEvent } from '../../host/state/events-file.ts';
import { type EventOptions, hostEvents } from '../../verbs/look/host-events.ts';
import type { StorePlace } from '../../verbs/places.ts';
import type { AbortOption } from '../container/method-options.ts';
import { placeOf } from '../container/place.ts';
import { eachWithReason } from '../container/reason.ts';
import { type Checks, checkOptions, date, signal, text } from '../options/check-options.ts';
import { type Filters, filters, filtersOf } from '../options/filters.ts';

/** Which events {@link watchEvents} yields, and of which store. */
export interface WatchEventsOptions extends Omit<EventOptions, 'filters'>, StorePlace, AbortOption {
  /** By `container`, `event`, `image`, `label`, `network`, `type` or `volume`, as docker has them. */
  readonly filters?: Filters | undefined;
}

const WATCH_CHECKS: Checks<WatchEventsOptions> = { root: text, signal, filters, since: date, until: date };

/**
 * Yields what happens to the containers, images, volumes and networks of a store, in docker's words, until `until` or
 * an abort.
 * @throws USAGE, for a filter at the first event that is asked for, else at once; the reason of `signal`
 */
export function watchEvents(options: WatchEventsOptions = {}): AsyncGenerator<HostEvent> {
  checkOptions('watchEvents', options, WATCH_CHECKS);
  const { root, signal, filters, ...choice } = options;
  const { stateRoot } = placeOf(root);
  return eachWithReason(signal, hostEvents({ ...choice, filters: filtersOf(filters) }, { stateRoot, signal }));
}

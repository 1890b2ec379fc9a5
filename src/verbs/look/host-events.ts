import { TsimgError } from '../../errors.ts';
import { EVENT_ACTIONS, isEventAction } from '../../host/state/event-actions.ts';
import { type HostEvent, readEvents } from '../../host/state/events-file.ts';
import { hasLabel } from '../../launch/options/labels.ts';
import type { ContainersContext } from '../places.ts';

/** Which events are told. */
export interface EventOptions {
  /** Events since this time; only new ones when absent. */
  readonly since?: Date | undefined;
  /** Ends at this time; never when absent. */
  readonly until?: Date | undefined;
  /** docker's `KEY=VALUE`: of several values of a key one must match, of labels all. */
  readonly filters?: readonly string[] | undefined;
}

const KEYS = ['type', 'event', 'container', 'image', 'volume', 'network', 'label'] as const;

const TYPES = Object.keys(EVENT_ACTIONS);
const ACTIONS = [...new Set(Object.values(EVENT_ACTIONS).flat())];

interface EventFilter {
  readonly key: (typeof KEYS)[number];
  readonly value: string;
}

function parseEventFilter(text: string): EventFilter {
  const fail = (hint: string) => new TsimgError('USAGE', 'not a filter', { where: text, hint });
  const [, name, value = ''] = /^([^=]+)=([\s\S]+)$/.exec(text) ?? [];
  const key = KEYS.find((each) => each === name);
  if (key === undefined) throw fail(`write KEY=VALUE, with KEY one of ${KEYS.join(', ')}`);
  if (key === 'type' && !Object.hasOwn(EVENT_ACTIONS, value)) throw fail(`type is one of ${TYPES.join(', ')}`);
  if (key === 'event' && !isEventAction(value)) throw fail(`event is one of ${ACTIONS.join(', ')}`);
  return { key, value };
}

function matches({ type, action, id, attributes }: HostEvent, { key, value }: EventFilter): boolean {
  switch (key) {
    case 'type':
      return type === value;
    case 'event':
      return action === value || action.startsWith(`${value}: `);
    case 'container':
      return type === 'container' && (attributes.name === value || id.startsWith(value));
    case 'image':
      return type === 'image' ? id === value : attributes.image === value;
    case 'volume':
      return type === 'volume' && id === value;
    case 'network':
      return type === 'network' && (attributes.name === value || id.startsWith(value));
    case 'label':
      return hasLabel(attributes, value);
  }
}

function isWanted(event: HostEvent, filters: readonly EventFilter[]): boolean {
  return filters.every(
    (filter) =>
      matches(event, filter) ||
      (filter.key !== 'label' && filters.some((other) => other.key === filter.key && matches(event, other))),
  );
}

/**
 * Yields what happens to the containers, images, volumes and networks of a store, in docker's words, until `until` or
 * an abort. Two files of 1 MiB keep the newest events.
 * @throws USAGE for an invalid filter; an AbortError on `signal`
 */
export async function* hostEvents(
  { since, until, filters = [] }: EventOptions,
  { stateRoot, signal }: ContainersContext,
): AsyncGenerator<HostEvent> {
  const wanted = filters.map(parseEventFilter);
  // Of the same millisecond, an event counts as new.
  const from = since ?? new Date();
  const goOn = () => until === undefined || new Date() < until;
  for await (const event of readEvents(stateRoot, goOn, signal)) {
    if (event === undefined) continue;
    const time = new Date(event.time);
    if (until !== undefined && time > until) return;
    if (time >= from && isWanted(event, wanted)) yield event;
  }
}

import { messageOf, TsimgError } from '../../errors.ts';
import { hasLabel } from '../../launch/options/labels.ts';
import { formatReference, parseReference } from '../../oci/reference.ts';
import type { ListedContainer } from './listed-container.ts';

const KEYS = ['id', 'name', 'label', 'status', 'health', 'exited', 'ancestor', 'network', 'volume'] as const;
type Key = (typeof KEYS)[number];

/** One filter of `ps`. */
export interface ContainerFilter {
  readonly key: Key;
  readonly value: string;
  /** The regular expression of a `name` filter. */
  readonly pattern?: RegExp | undefined;
}

/** docker's states. tsimg has no removing or dead containers, so these match nothing. */
const STATUSES: ReadonlySet<string> = new Set([
  'created',
  'running',
  'restarting',
  'exited',
  'paused',
  'removing',
  'dead',
]);

const HEALTHS: ReadonlySet<string> = new Set(['starting', 'healthy', 'unhealthy', 'none']);

function parseFilter(text: string): ContainerFilter {
  const fail = (hint: string, why?: string) => new TsimgError('USAGE', 'not a filter', { where: text, why, hint });
  const [, name, value = ''] = /^([^=]+)=([\s\S]*)$/.exec(text) ?? [];
  const key = KEYS.find((each) => each === name);
  if (key === undefined) throw fail(`write KEY=VALUE, with KEY one of ${KEYS.join(', ')}`);
  if (key === 'status' && !STATUSES.has(value)) throw fail(`status is one of ${[...STATUSES].join(', ')}`);
  if (key === 'health' && !HEALTHS.has(value)) throw fail(`health is one of ${[...HEALTHS].join(', ')}`);
  if (key === 'exited' && !(/^[0-9]{1,3}$/.test(value) && Number(value) <= 255))
    throw fail('exited takes an exit status, 0 to 255');
  if (key === 'network' && value === '') throw fail('network takes a name, or the start of an ID');
  if (key === 'volume' && value === '') throw fail('volume takes a name, a path of the host, or one in the container');
  if (key !== 'name') return { key, value };
  try {
    return { key, value, pattern: new RegExp(value) };
  } catch (cause) {
    throw fail('name takes a regular expression, such as ^web-[0-9]+$', messageOf(cause));
  }
}

/** Parses docker's filters, `KEY=VALUE`. @throws USAGE */
export function parseFilters(texts: readonly string[]): readonly ContainerFilter[] {
  return texts.map(parseFilter);
}

/** Whether two texts name the same image, as a short name and its complete form do. */
function sameReference(one: string, other: string): boolean {
  if (one === other) return true;
  try {
    return formatReference(parseReference(one)) === formatReference(parseReference(other));
  } catch {
    // The name of an archive, a folder or an ID is no reference.
    return false;
  }
}

/** Whether a text is the ID, or at least 4 of its first digits. */
function isIdOf(id: string | undefined, text: string): boolean {
  return (
    id !== undefined &&
    /^(sha256:)?[0-9a-f]{4,64}$/.test(text) &&
    id.replace(/^sha256:/, '').startsWith(text.replace(/^sha256:/, ''))
  );
}

function matches(container: ListedContainer, { key, value, pattern }: ContainerFilter): boolean {
  switch (key) {
    case 'id':
      return container.id.startsWith(value);
    case 'name':
      // Names begin with a slash in docker, so filters for docker have one.
      return pattern?.test(container.name) === true || pattern?.test(`/${container.name}`) === true;
    case 'status':
      return container.status === value;
    case 'health':
      return (container.health ?? 'none') === value;
    case 'exited':
      return container.status === 'exited' && container.exitCode === Number(value);
    case 'ancestor':
      return sameReference(container.image, value) || isIdOf(container.imageId, value);
    case 'label':
      return hasLabel(container.labels, value);
    case 'network':
      return container.networks.some(({ name, id }) => name === value || id?.startsWith(value));
    case 'volume':
      return container.mounts.some(({ name, source, target }) => (name ?? source) === value || target === value);
  }
}

/** Applies filters as docker does: every key must match, by one of its values; `label` must match by all of them. */
export function matchesFilters(container: ListedContainer, filters: readonly ContainerFilter[]): boolean {
  return filters.every(
    (filter) =>
      matches(container, filter) ||
      (filter.key !== 'label' && filters.some((other) => other.key === filter.key && matches(container, other))),
  );
}

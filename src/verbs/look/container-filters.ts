import { messageOf, TsimgError } from '../../errors.ts';
import { formatReference, parseReference } from '../../oci/reference.ts';
import type { ListedContainer } from './listed-container.ts';

export interface ContainerFilter {
  readonly key: 'id' | 'name' | 'label' | 'status' | 'exited' | 'ancestor';
  readonly value: string;
  /** Of `name`: what it must hold. */
  readonly pattern?: RegExp | undefined;
}

/** docker's; those that a container is never in here match nothing. */
const STATUSES: ReadonlySet<string> = new Set([
  'created',
  'running',
  'restarting',
  'exited',
  'paused',
  'removing',
  'dead',
]);

const KEYS: ReadonlySet<string> = new Set(['id', 'name', 'label', 'status', 'exited', 'ancestor']);

function isKey(key: string): key is ContainerFilter['key'] {
  return KEYS.has(key);
}

function parseFilter(text: string): ContainerFilter {
  const fail = (hint: string, why?: string) => new TsimgError('USAGE', 'not a filter', { where: text, why, hint });
  const [, key = '', value = ''] = /^([^=]+)=([\s\S]*)$/.exec(text) ?? [];
  if (!isKey(key)) throw fail(`KEY=VALUE, KEY of ${[...KEYS].join(', ')}`);
  if (key === 'status' && !STATUSES.has(value)) throw fail(`status is one of ${[...STATUSES].join(', ')}`);
  if (key === 'exited' && !/^[0-9]{1,3}$/.test(value)) throw fail('exited is an exit status: 0 to 255');
  if (key !== 'name') return { key, value };
  try {
    return { key, value, pattern: new RegExp(value) };
  } catch (cause) {
    throw fail('name is a regular expression, such as ^web-[0-9]+$', `it cannot be read: ${messageOf(cause)}`);
  }
}

/** docker's `KEY=VALUE`. @throws USAGE */
export function parseFilters(texts: readonly string[]): readonly ContainerFilter[] {
  return texts.map(parseFilter);
}

/** Whether two texts name the same image: a short form and its complete one do. */
function sameReference(one: string, other: string): boolean {
  if (one === other) return true;
  try {
    return formatReference(parseReference(one)) === formatReference(parseReference(other));
  } catch {
    // An archive's name, a folder or an ID is no reference.
    return false;
  }
}

/** `sha256:…` or its first digits, 4 at least. */
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
      // docker's own names begin with a slash, which people write.
      return pattern?.test(container.name) === true || pattern?.test(`/${container.name}`) === true;
    case 'status':
      return container.status === value;
    case 'exited':
      return container.status === 'exited' && String(container.exitCode) === value;
    case 'ancestor':
      return sameReference(container.image, value) || isIdOf(container.imageId, value);
    case 'label': {
      const [, name = value, wanted] = /^([^=]+)=([\s\S]*)$/.exec(value) ?? [];
      const found = Object.hasOwn(container.labels, name) ? container.labels[name] : undefined;
      return found !== undefined && (wanted === undefined || found === wanted);
    }
  }
}

/** As docker: of one key any value must match, `label` apart, of which all must; and every key. */
export function matchesFilters(container: ListedContainer, filters: readonly ContainerFilter[]): boolean {
  return filters.every(
    (filter) =>
      matches(container, filter) ||
      (filter.key !== 'label' && filters.some((other) => other.key === filter.key && matches(container, other))),
  );
}

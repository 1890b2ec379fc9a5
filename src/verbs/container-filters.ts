import { TsimgError } from '../errors.ts';
import type { ListedContainer } from './listed-container.ts';

export interface ContainerFilter {
  readonly key: 'id' | 'name' | 'label' | 'status' | 'exited' | 'ancestor';
  readonly value: string;
}

const KEYS: ReadonlySet<string> = new Set(['id', 'name', 'label', 'status', 'exited', 'ancestor']);

function isKey(key: string): key is ContainerFilter['key'] {
  return KEYS.has(key);
}

/** docker's `KEY=VALUE`. @throws USAGE */
export function parseFilters(texts: readonly string[]): readonly ContainerFilter[] {
  return texts.map((text) => {
    const [, key = '', value = ''] = /^([^=]+)=([\s\S]*)$/.exec(text) ?? [];
    if (isKey(key)) return { key, value };
    throw new TsimgError('USAGE', 'not a filter', { where: text, hint: `KEY=VALUE, KEY of ${[...KEYS].join(', ')}` });
  });
}

function matches(container: ListedContainer, { key, value }: ContainerFilter): boolean {
  switch (key) {
    case 'id':
      return container.id.startsWith(value);
    case 'name':
      return container.name.includes(value);
    case 'status':
      return container.status === value;
    case 'exited':
      return container.status === 'exited' && String(container.exitCode) === value;
    case 'ancestor':
      return container.image === value;
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

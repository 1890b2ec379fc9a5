import { TsimgError } from '../../errors.ts';
import { isResource, type LimitValue, RESOURCES } from '../../linux/limits.ts';
import type { Limit } from '../launch-plan.ts';

/**
 * Defaults: no core dumps on the host, and 1024 open files, which programs expect; Node raises its own soft limit to
 * the hard one.
 */
const DEFAULT_LIMITS: readonly Limit[] = [
  { resource: 'core', soft: 0, hard: 0 },
  { resource: 'nofile', soft: 1024, hard: 'keep' },
];

function parseValue(text: string): LimitValue | undefined {
  if (text === '-1' || text === 'unlimited') return 'unlimited';
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
}

function exceeds(soft: LimitValue, hard: LimitValue): boolean {
  return hard !== 'unlimited' && (soft === 'unlimited' || soft > hard);
}

/** Parses `NAME=SOFT[:HARD]`; a single value is both. @throws USAGE */
function parseLimit(text: string): Limit {
  const fail = (why: string) => new TsimgError('USAGE', 'not a limit', { where: `--ulimit ${text}`, why });
  const [, name = '', values = ''] = /^([a-z]+)=(.*)$/.exec(text) ?? [];
  if (name === '') throw fail('it must be NAME=SOFT or NAME=SOFT:HARD');
  if (!isResource(name)) throw fail(`known are ${Object.keys(RESOURCES).join(', ')}`);
  const [softText = '', hardText = softText, ...rest] = values.split(':');
  const [soft, hard] = [parseValue(softText), parseValue(hardText)];
  if (soft === undefined || hard === undefined || rest.length > 0) throw fail('values are numbers, or -1 for no limit');
  if (exceeds(soft, hard)) throw fail('the soft limit is above the hard one');
  return { resource: name, soft, hard };
}

/** Applies `--ulimit` to the defaults; of a repeated name the last value counts. @throws USAGE */
export function planUlimits(texts: readonly string[]): readonly Limit[] {
  return [...new Map([...DEFAULT_LIMITS, ...texts.map(parseLimit)].map((limit) => [limit.resource, limit])).values()];
}

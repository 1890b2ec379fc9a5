import { TsimgError } from '../errors.ts';

// A verb with actions (`tsimg volume ls`) declares the options and operands of all of them together. docker's `-f` is
// `--filter` of `ls`, `--format` of `inspect` and `--force` of the others: it is declared as `--force`, and what docker
// takes as its value stands among the names.

interface SharedOptions {
  readonly force?: boolean;
  readonly filter: readonly string[];
  readonly format?: string;
  readonly driver?: string;
}

/** What was asked for, after docker's `-f` is understood. */
export interface Asked<O> {
  readonly names: readonly string[];
  readonly options: O;
}

/** How many names an action takes. */
const COUNTS = {
  none: { least: 0, most: 0, words: 'no name', hint: 'leave the names out' },
  'one or none': { least: 0, most: 1, words: 'one name, or none', hint: undefined },
  one: { least: 1, most: 1, words: 'one name', hint: undefined },
  some: { least: 1, most: Number.POSITIVE_INFINITY, words: 'one name or more', hint: undefined },
} as const;

/** What the actions of a verb take. */
export interface ActionRules<Action extends string, O> {
  readonly verb: string;
  readonly names: Readonly<Record<Action, keyof typeof COUNTS>>;
  /** The options that only some actions have. */
  readonly options: readonly (readonly [name: keyof O & string, of: readonly Action[]])[];
  /** The only value of `--driver`. */
  readonly driver: string;
}

/** How the verbs declare docker's `-f`. */
export const SHORT_FORCE = '-f, --force';

/** Understands docker's `-f` by the action: the names lose what is a filter or a template. */
function readShortForce<O extends SharedOptions>(action: string, names: readonly string[], options: O): Asked<O> {
  if (!options.force || names.length === 0) return { names, options };
  if (action === 'ls') {
    return { names: [], options: { ...options, force: undefined, filter: [...options.filter, ...names] } };
  }
  const template = names.find((name) => name.includes('{{')) ?? names.find((name) => name === 'json');
  if (action !== 'inspect' || template === undefined) return { names, options };
  const others = names.filter((name) => name !== template);
  return { names: others, options: { ...options, force: undefined, format: template } };
}

/** Reads the names and options of an action, and refuses those that it does not have. @throws USAGE */
export function readAction<Action extends string, O extends SharedOptions>(
  action: Action,
  operands: readonly string[],
  given: O,
  rules: ActionRules<Action, O>,
): Asked<O> {
  const { names, options } = readShortForce(action, operands, given);
  const where = `${rules.verb} ${action}`;
  for (const [name, actions] of rules.options) {
    const value = options[name];
    const isGiven = Array.isArray(value) ? value.length > 0 : value !== undefined;
    if (!isGiven || actions.includes(action)) continue;
    const hint = `--${name} is for ${rules.verb} ${actions.join(' and ')}`;
    throw new TsimgError('USAGE', `${where} has no --${name}`, { hint });
  }
  if (options.driver !== undefined && options.driver !== rules.driver) {
    const hint = `it is always --driver ${rules.driver}`;
    throw new TsimgError('USAGE', `unknown driver ${options.driver}`, { where, hint });
  }
  const { least, most, words, hint = `tsimg ${where} NAME` } = COUNTS[rules.names[action]];
  if (names.length >= least && names.length <= most) return { names, options };
  throw new TsimgError('USAGE', `${where} takes ${words}`, {
    where: names.length === 0 ? undefined : names.join(' '),
    hint,
  });
}

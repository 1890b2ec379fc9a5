/** One challenge of a WWW-Authenticate header. RFC 9110, section 11.6.1. */
export interface Challenge {
  /** In lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** Names in lower case; values unquoted. */
  readonly parameters: ReadonlyMap<string, string>;
}

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$))/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/y;
const EQUALS = /\s*=\s*/y;
const SPACE = /\s+/y;
const BETWEEN = /[\s,]*/y;

/**
 * Parses a WWW-Authenticate header, or several joined by commas as Node joins them, into challenges, in order. Commas
 * separate both parameters and challenges: a name is a parameter's when `=` follows. Parsing stops at the first error.
 */
export function parseChallenges(header: string): readonly Challenge[] {
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(header);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };

  const challenges: Challenge[] = [];
  let parameters: Map<string, string> | undefined;
  for (;;) {
    take(BETWEEN);
    const name = take(TOKEN)?.[0].toLowerCase();
    if (name === undefined) return challenges;
    if (parameters !== undefined && take(EQUALS) !== null) {
      const value = take(QUOTED)?.[1]?.replace(/\\(.)/g, '$1') ?? take(TOKEN)?.[0];
      if (value === undefined) return challenges;
      // The first one counts: a second `realm` must not replace the checked one.
      if (!parameters.has(name)) parameters.set(name, value);
      continue;
    }
    parameters = new Map();
    challenges.push({ scheme: name, parameters });
    if (take(SPACE) !== null) take(TOKEN68);
  }
}

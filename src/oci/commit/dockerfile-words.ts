// Words of Dockerfile instructions: quotes, backslashes and variables. Dockerfile reference, "Environment replacement".

/** The rules by which an instruction's words are read. */
export interface WordRules {
  /** Returns a variable's value; undefined for a variable that is not set. */
  readonly variable: (name: string) => string | undefined;
  readonly fail: (why: string) => Error;
}

/**
 * Splits text at white space that is neither quoted nor escaped. Quotes and backslashes stay: names and values are
 * separated before `expandWord` reads them.
 */
export function splitQuoted(text: string): readonly string[] {
  return text.match(/(?:\\[\s\S]|"(?:\\[\s\S]|[^"\\])*(?:"|$)|'[^']*(?:'|$)|[^\s"'\\]|\\$)+/g) ?? [];
}

/** Reads a word, up to the end of the text or up to the `}` of an enclosing variable. */
class WordReader {
  readonly #text: string;
  readonly #rules: WordRules;
  #at = 0;

  constructor(text: string, rules: WordRules) {
    this.#text = text;
    this.#rules = rules;
  }

  /** @param end the character that ends it; '' for the end of the text */
  read(end: string): string {
    let word = '';
    for (let next = this.#next(); next !== end; next = this.#next()) {
      if (next === '') throw this.#rules.fail(end === '}' ? 'a } is missing' : `a ${end} is missing`);
      if (next === '$') word += this.#variable();
      else if (next === '\\') word += this.#escaped(end);
      else if (end === '"') word += next;
      else if (next === "'") word += this.#single();
      else if (next === '"') word += this.read('"');
      else word += next;
    }
    return word;
  }

  #next(): string {
    const next = this.#text.charAt(this.#at);
    this.#at += 1;
    return next;
  }

  /** In double quotes, a backslash escapes a double quote, a dollar or a backslash, and else stands for itself. */
  #escaped(end: string): string {
    const next = this.#next();
    return end === '"' && next !== '"' && next !== '$' && next !== '\\' ? `\\${next}` : next;
  }

  #single(): string {
    const end = this.#text.indexOf("'", this.#at);
    if (end === -1) throw this.#rules.fail("a ' is missing");
    const text = this.#text.slice(this.#at, end);
    this.#at = end + 1;
    return text;
  }

  #name(): string {
    const [name = ''] = /^(?:[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?!-])/.exec(this.#text.slice(this.#at)) ?? [];
    this.#at += name.length;
    return name;
  }

  #variable(): string {
    if (this.#text.charAt(this.#at) !== '{') {
      const name = this.#name();
      return name === '' ? '$' : (this.#rules.variable(name) ?? '');
    }
    this.#at += 1;
    const name = this.#name();
    if (name === '') throw this.#rules.fail('${ is not followed by the name of a variable');
    const value = this.#rules.variable(name);
    let operator = this.#next();
    if (operator === '}') return value ?? '';
    const isSet = operator === ':' ? value !== undefined && value !== '' : value !== undefined;
    if (operator === ':') operator = this.#next();
    if (!['-', '+', '?'].includes(operator)) throw this.#rules.fail(`\${${name}${operator}…} is not supported`);
    const other = this.read('}');
    if (operator === '+') return isSet ? other : '';
    if (isSet || operator === '-') return isSet ? (value ?? '') : other;
    throw this.#rules.fail(`${name} is not set${other === '' ? '' : `: ${other}`}`);
  }
}

/** Expands a word: removes quotes and backslashes, replaces variables. @throws the errors of `fail` */
export function expandWord(text: string, rules: WordRules): string {
  return new WordReader(text, rules).read('');
}

import { LIBRARY_CALLS, LIBRARY_NAMES } from './option-names.data.ts';

/** Verbs for which the library has a function: the longest first, for some begin as others. */
function callPattern(): string {
  const verbs = Object.keys(LIBRARY_CALLS).toSorted((one, other) => other.length - one.length);
  return `\\b(${verbs.join('|')})(?![\\w-])`;
}

/** Commands for a shell, and options of the container that tsimg runs in: they stay as they are. */
const COMMAND = [
  String.raw`\b(?:systemd-run|usermod|tsimg unshare)[^,;)]*`,
  String.raw`\b(?:mkdir|mount|ulimit|ls|tar) -[^,;)]*`,
  String.raw`\bouter (?:container|one) [^;]*`,
].join('|');
/** An option of the command line, maybe with `=VALUE` behind it. */
const OPTION = String.raw`(?<![\w-])(--?[A-Za-z][\w\u2026-]*)(=)?`;
/** Made at the first text of the library's: the command needs none. */
let parts: RegExp | undefined;

let isLibrary = false;

/**
 * Has the errors and warnings of this program name options and verbs as the library does: `memory` in the place of
 * `--memory`, `listImages` in that of `tsimg images`. The entries of the library call it.
 */
export function nameOptionsOfLibrary(): void {
  isLibrary = true;
}

/** The name of an option of the command line for the caller of this program. */
function nameOf(option: string): string | undefined {
  return Object.hasOwn(LIBRARY_NAMES, option) ? LIBRARY_NAMES[option] : undefined;
}

/** A text of an error or a warning, with the names that options and verbs have for the caller of this program. */
export function optionWords<T extends string | undefined>(text: T): T | string {
  if (!isLibrary || text === undefined) return text;
  parts ??= new RegExp(`${callPattern()}|${COMMAND}|${OPTION}`, 'g');
  return text.replace(parts, (all: string, call?: string, option?: string, equals?: string) => {
    if (call !== undefined) return LIBRARY_CALLS[call] ?? all;
    const name = option === undefined ? undefined : nameOf(option);
    return name === undefined ? all : `${name}${equals === undefined ? '' : ': '}`;
  });
}

/** The place of an error, which may come from outside: only what it begins with can be the name of an option. */
export function optionPlace<T extends string | undefined>(where: T): T | string {
  const [, option, value] = (isLibrary && where !== undefined && /^(--?[A-Za-z][\w-]*)(?: (.*))?$/s.exec(where)) || [];
  const name = option === undefined ? undefined : nameOf(option);
  if (name === undefined) return where;
  return value === undefined ? name : `${name}: ${value}`;
}

import { LIBRARY_NAMES } from './option-names.data.ts';

/** Commands for a shell, of tsimg too, and options of the container that tsimg runs in: they stay as they are. */
const COMMAND = String.raw`\b(?:systemd-run|usermod|tsimg [a-z])[^,;)]*|\bouter (?:container|one) [^;]*`;
/** An option of the command line, maybe with `=VALUE` behind it. */
const OPTION = String.raw`(?<![\w-])(--?[A-Za-z][\w…-]*)(=)?`;
const PARTS = new RegExp(`${COMMAND}|${OPTION}`, 'g');

let isLibrary = false;

/**
 * Has the errors of this program name options as the library does: `memory` in the place of `--memory`. The entries of
 * the library call it.
 */
export function nameOptionsOfLibrary(): void {
  isLibrary = true;
}

/** The name of an option of the command line for the caller of this program. */
function nameOf(option: string): string | undefined {
  return Object.hasOwn(LIBRARY_NAMES, option) ? LIBRARY_NAMES[option] : undefined;
}

/** A text of an error, with the names that options have for the caller of this program. */
export function optionWords<T extends string | undefined>(text: T): T | string {
  if (!isLibrary || text === undefined) return text;
  return text.replace(PARTS, (all: string, option?: string, equals?: string) => {
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

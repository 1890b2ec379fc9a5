import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

// What compiled modules need of each other, by their text: what they import, and what they name, such as a program that
// they start by its path. Rather too much than too little.

/** Read by a module whose text does not say what it reads. */
export const ANYTHING = '';

/** Modules of dist, by their paths there. */
export interface Modules {
  /** The module, and all that it needs. */
  needsOf(module: string): ReadonlySet<string>;
  /** What a module reads of the checkout: the first names of paths below it, such as `docs`, or ANYTHING. */
  readsOf(module: string): readonly string[];
}

/** The modules that the names of a module's text mean; a `${…}` in a name stands for anything. */
function meant(module: string, name: string, all: readonly string[]): readonly string[] {
  const path = name.startsWith('.') ? join(dirname(module), name) : name;
  const words = path.split(/\$\{[^}]*\}/).map((word) => word.replace(/[.*+?^()|[\]\\]/g, '\\$&'));
  const pattern = new RegExp(`${name.startsWith('.') ? '^' : '(^|/)'}${words.join('.*')}$`);
  return all.filter((each) => pattern.test(each));
}

/** @param dist the folder of what is compiled */
export function readModules(dist: string): Modules {
  const all = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.js'));
  const known = new Set(all);
  const texts = new Map<string, string>();
  const edges = new Map<string, readonly string[]>();
  const closures = new Map<string, ReadonlySet<string>>();
  const textOf = (module: string): string => {
    const text = texts.get(module) ?? readFileSync(join(dist, module), 'utf8');
    texts.set(module, text);
    return text;
  };
  const edgesOf = (module: string): readonly string[] => {
    const found = edges.get(module);
    if (found !== undefined) return found;
    // A script of ours that is joined (`programs/monitor.cjs`) is made of the module of its name
    const names = textOf(module).matchAll(/['"`]([^'"`\s]*?)\.c?js['"`]/g);
    const needs = [...new Set([...names].map(([, name = '']) => `${name.replace(/^.*programs\//, '')}.js`))].flatMap(
      (name) => {
        const path = relative('', join(dirname(module), name));
        return name.startsWith('.') && known.has(path) ? [path] : meant(module, name, all);
      },
    );
    edges.set(module, needs);
    return needs;
  };
  return {
    needsOf(module) {
      const found = closures.get(module);
      if (found !== undefined) return found;
      const needed = new Set([module]);
      for (const each of needed) for (const need of edgesOf(each)) needed.add(need);
      closures.set(module, needed);
      return needed;
    },
    readsOf(module) {
      const uses = textOf(module).matchAll(/\b(?:join|cpSync|readdirSync|readFileSync)\(ROOT(?:, '([^']+)')?/g);
      return [...uses].map(([, name = ANYTHING]) => name);
    },
  };
}

/** The module whose importers run the command. */
const COMMAND = join('test', 'support', 'command', 'tsimg.js');
/** The library, which is joined. */
const API = join('src', 'api.js');

/** Whether a test runs the command as it is published. */
export function runsCommand(needs: ReadonlySet<string>): boolean {
  return needs.has(COMMAND);
}

/**
 * Whether a test needs what is joined of modules (scripts/join.mjs): the library, or a program with a thread or process
 * of its own.
 */
export function needsJoined(needs: ReadonlySet<string>, dist: string): boolean {
  if (runsCommand(needs) || needs.has(API)) return true;
  return [...needs].some(
    (module) => module.startsWith('src/') && /['"/]programs\//.test(readFileSync(join(dist, module), 'utf8')),
  );
}

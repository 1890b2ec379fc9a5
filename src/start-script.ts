import * as module from 'node:module';
import { findVerb } from './cli/find-verb.ts';
import { openCacheFolder } from './sys/cache-folder.ts';
import { canLoadScripts, scriptLoader } from './sys/load-script.ts';

// The beginning of the published command and of the helper programs. It is compiled at every start, so it must stay
// small.

/** A digest of each script's text, by its name. Written into this script when scripts are joined (scripts/join.mjs). */
declare const SCRIPT_DIGESTS: Readonly<Record<string, string>>;

/** Imports an npm package for scripts that `scriptLoader` loaded: these cannot import by themselves. */
export function importOutside(specifier: string): Promise<unknown> {
  return import(specifier);
}

/** The name of the cache's folder: one for each verb, and for each place of the package. There must be few of them. */
function keyOf(args: readonly string[], scripts: string): string {
  // The cache holds the functions that a verb has called; those of another verb, or behind its help, would be missing.
  const named = findVerb(args);
  const isHelp = /^--help$|^-h$/.test(args[args.indexOf(named) + 1] ?? '');
  const verb = isHelp ? 'help' : (/^[a-z-]{1,16}$/.exec(named)?.[0] ?? 'other');
  let place = 5381;
  for (const character of scripts) place = (Math.imul(place, 33) + character.charCodeAt(0)) >>> 0;
  return `${process.version}-${process.arch}-${place.toString(36)}-${verb}`;
}

/**
 * Loads a script beside this one, with the code that V8 compiled at an earlier start, and returns its exports.
 * @param args the command's arguments, or the name of a program
 */
export function startScript(name: string, args: readonly string[]): unknown {
  const require = module.createRequire(__filename);
  const path = `./${name}.cjs`;
  if (args.includes('--debug')) {
    process.setSourceMapsEnabled(true);
    return require(path);
  }
  if (process.env.NODE_DISABLE_COMPILE_CACHE === '1') return require(path);
  // Node 22.1 and later. With NODE_COMPILE_CACHE set, Node's own cache is on already.
  const enable: unknown = Reflect.get(module, 'enableCompileCache');
  const isByNode = typeof enable === 'function';
  if (isByNode ? process.env.NODE_COMPILE_CACHE !== undefined : !canLoadScripts()) return require(path);
  const folder = openCacheFolder(keyOf(args, __dirname), process.env);
  if (folder === undefined) return require(path);
  if (!isByNode) return scriptLoader(__dirname, SCRIPT_DIGESTS, folder)(name);
  enable(folder);
  return require(path);
}

import module, { createRequire } from 'node:module';
import { openCacheFolder } from './sys/cache-folder.ts';
import { canLoadScripts, scriptLoader } from './sys/load-script.ts';

// What the published command and our programs begin with, as small as can be: it is compiled at every start.

/** By name: what identifies a script's text. Written into it when scripts are joined (scripts/join.mjs). */
declare const SCRIPT_DIGESTS: Readonly<Record<string, string>>;

/** Imports what npm installs, for scripts: what `scriptLoader` loads cannot do so itself. */
export function importOutside(specifier: string): Promise<unknown> {
  return import(specifier);
}

/** Few: of verbs, and where packages lie. */
function keyOf(args: readonly string[], scripts: string): string {
  // A verb has the functions that it calls; in what another verb left they would be missing
  const verb = /^[a-z-]{1,16}$/.exec(args[0] ?? '')?.[0] ?? 'other';
  let place = 5381;
  for (const character of scripts) place = (Math.imul(place, 33) + character.charCodeAt(0)) >>> 0;
  return `${process.version}-${process.arch}-${place.toString(36)}-${verb}`;
}

/**
 * Loads a script that lies beside this one, with what V8 made of it at an earlier start, and answers its exports.
 * @param args those of the command, or a program's name
 */
export function startScript(name: string, args: readonly string[]): unknown {
  const require = createRequire(__filename);
  const path = `./${name}.cjs`;
  if (args.includes('--debug')) {
    process.setSourceMapsEnabled(true);
    return require(path);
  }
  if (process.env.NODE_DISABLE_COMPILE_CACHE === '1') return require(path);
  // Node 22.1 and later; where its own variable says so it is at work already
  const enable: unknown = Reflect.get(module, 'enableCompileCache');
  const isByNode = typeof enable === 'function';
  if (isByNode ? process.env.NODE_COMPILE_CACHE !== undefined : !canLoadScripts()) return require(path);
  const folder = openCacheFolder(keyOf(args, __dirname), process.env);
  if (folder === undefined) return require(path);
  if (!isByNode) return scriptLoader(__dirname, SCRIPT_DIGESTS, folder)(name);
  enable(folder);
  return require(path);
}

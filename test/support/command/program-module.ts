import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { COMMAND_VARIABLE } from './tsimg.ts';

const published = process.env[COMMAND_VARIABLE];

/** Loaded once: each time it would be another program, with errors of its own. */
function loadPublished(command: string) {
  const { startScript } = createRequire(command)(join(dirname(command), 'scripts', 'start-script.cjs'));
  return startScript('hot', ['test-program']).modules;
}

const modules = published === undefined ? undefined : loadPublished(published);

/**
 * A module of the program for a process that a test starts: out of the scripts of the command as it is published, which
 * start in half the time, where a run of tests has published it; else as it is compiled. @param path below src, without
 * its ending
 */
export async function programModule<Module>(path: string): Promise<Module> {
  if (modules === undefined) return await import(new URL(`../../../src/${path}.js`, import.meta.url).href);
  const load = modules[`${path}.ts`];
  if (load === undefined) throw new Error(`scripts/join.mjs must name ${path} among the modules that are asked for`);
  return load();
}

import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './checkout.ts';
import { compiledCode } from './compiled-code.ts';
import { stateRootOf } from './state-root.ts';

// Who imports this runs the command: `npm test` publishes it for those tests only (scripts/test/imports.ts).

/** The command as it is built. */
export const BUILT = join(ROOT, 'dist', 'src', 'main.js');
/** Names the command as it is published, which `npm test` makes (scripts/test.ts), for the tests of that run. */
export const COMMAND_VARIABLE = 'TSIMG_TEST_COMMAND';
/** What tests run. */
export const MAIN = process.env[COMMAND_VARIABLE] ?? BUILT;

export interface TsimgOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: Buffer | string;
  /** An ordinary user to run as. */
  readonly user?: { readonly uid: number; readonly gid: number };
}

/** Runs the built command as a user would. Bounded to two minutes. */
export function tsimg(args: readonly string[], options: TsimgOptions = {}): SpawnSyncReturns<string> {
  const placed = ['TSIMG_ROOT', 'HOME', 'XDG_DATA_HOME'].some((name) => options.env?.[name] !== undefined);
  const ownRoot = placed ? {} : { TSIMG_ROOT: stateRootOf(options.user) };
  return spawnSync(process.execPath, ['--', MAIN, ...args], {
    cwd: options.cwd,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, ...ownRoot, ...compiledCode(options.user), ...options.env },
    input: options.input ?? '',
    timeout: 120_000,
    maxBuffer: 64 * 1024 * 1024,
    ...options.user,
  });
}

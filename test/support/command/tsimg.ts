import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../checkout.ts';
import { compiledCode } from './compiled-code.ts';
import { type CallResult, residentCall, type Surroundings } from './resident-command.ts';
import { stateRootOf } from './state-root.ts';

// Who imports this runs the command: `npm test` publishes it for those tests only (scripts/test/imports.ts).

/** The command as it is built. */
export const BUILT = join(ROOT, 'dist', 'src', 'main.js');
/** Names the command as it is published, which `npm test` makes (scripts/test.ts), for the tests of that run. */
export const COMMAND_VARIABLE = 'TSIMG_TEST_COMMAND';
/** What tests run. */
export const MAIN = process.env[COMMAND_VARIABLE] ?? BUILT;

/** Names the published command for programs of tests that have its modules (program-module.ts). */
export const PROGRAM = MAIN === BUILT ? {} : { [COMMAND_VARIABLE]: MAIN };

export interface TsimgOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: Buffer | string;
  /** An ordinary user to run as. */
  readonly user?: { readonly uid: number; readonly gid: number };
}

function surroundingsOf({ cwd, env, user }: TsimgOptions): Surroundings {
  const placed = ['TSIMG_ROOT', 'HOME', 'XDG_DATA_HOME'].some((name) => env?.[name] !== undefined);
  const ownRoot = placed ? {} : { TSIMG_ROOT: stateRootOf(user) };
  return { cwd, env: { PATH: process.env.PATH, ...ownRoot, ...compiledCode(user), ...env }, user };
}

/** Runs the built command as a user would, in a process of its own. Bounded to two minutes. */
export function tsimgAlone(args: readonly string[], options: TsimgOptions = {}): SpawnSyncReturns<string> {
  const { cwd, env, user } = surroundingsOf(options);
  return spawnSync(process.execPath, ['--', MAIN, ...args], {
    cwd,
    encoding: 'utf8',
    env,
    input: options.input ?? '',
    timeout: 120_000,
    maxBuffer: 64 * 1024 * 1024,
    ...user,
  });
}

/**
 * Runs the built command as a user would. The first calls are processes of their own; others are made in one that stays
 * (resident-command.ts), unless they have an input. Bounded to two minutes.
 */
export function tsimg(args: readonly string[], options: TsimgOptions = {}): CallResult {
  const { cwd, env, user } = surroundingsOf(options);
  const isResident = options.input === undefined;
  return (
    (isResident ? residentCall(args, { cwd, env: { ...env, ...PROGRAM }, user }) : undefined) ??
    tsimgAlone(args, options)
  );
}

/**
 * Runs calls one after the other in one process, which is many times faster than `tsimg` for each: for long tables of
 * calls that fail or only tell, of which some are made by `tsimg` too. Bounded to five minutes.
 */
export function tsimgEach(
  calls: readonly (readonly string[])[],
  options: Pick<TsimgOptions, 'cwd' | 'user'> & { readonly env: Readonly<Record<string, string>> },
): readonly CallResult[] {
  const program = join(import.meta.dirname, 'many-calls.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, JSON.stringify(calls)], {
    cwd: options.cwd,
    encoding: 'utf8',
    env: {
      PATH: process.env.PATH,
      ...PROGRAM,
      ...compiledCode(options.user),
      ...options.env,
    },
    input: '',
    timeout: 300_000,
    maxBuffer: 64 * 1024 * 1024,
    ...options.user,
  });
  if (status !== 0) throw new Error(`the calls ended with ${status}: ${stderr}`);
  const results: readonly CallResult[] = JSON.parse(stdout);
  if (results.length !== calls.length) throw new Error(`${results.length} of ${calls.length} calls came to an end`);
  return results;
}

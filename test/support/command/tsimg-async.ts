import { execFile } from 'node:child_process';
import { compiledCode } from './compiled-code.ts';
import { stateRootOf } from './state-root.ts';
import { MAIN } from './tsimg.ts';

/** What a run of the command printed, and how it ended. */
export interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built command while servers of this process answer it. Bounded to two minutes. */
export function tsimgAsync(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const whole = { PATH: process.env.PATH, TSIMG_ROOT: stateRootOf(undefined), ...compiledCode(undefined), ...env };
  return new Promise((resolve, reject) => {
    const options = { env: whole, encoding: 'utf8', timeout: 120_000, maxBuffer: 2 ** 26 } as const;
    execFile(process.execPath, ['--', MAIN, ...args], options, (error, stdout, stderr) => {
      if (error === null) return resolve({ status: 0, stdout, stderr });
      if (typeof error.code !== 'number') return reject(error);
      resolve({ status: error.code, stdout, stderr });
    });
  });
}

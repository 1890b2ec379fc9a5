import { TsimgError } from '../../errors.ts';
import type { RunConfig } from '../../oci/run-config.ts';
import { DEFAULT_PATH, variable } from './environment.ts';

/**
 * Combines entrypoint and command as docker does: arguments replace the image's Cmd; `--entrypoint` replaces its
 * entrypoint and discards its Cmd. OCI image spec, config.md.
 * @throws USAGE where no command is left
 */
export function planCommand(
  config: Pick<RunConfig, 'entrypoint' | 'cmd'>,
  command: readonly string[],
  entrypoint: string | undefined,
): readonly string[] {
  const head = entrypoint === undefined ? config.entrypoint : entrypoint === '' ? [] : [entrypoint];
  const tail = command.length > 0 ? command : entrypoint === undefined ? config.cmd : [];
  const args = [...head, ...tail];
  if (args.length === 0) {
    throw new TsimgError('USAGE', 'no command', {
      why: 'the image names none',
      hint: 'give one after the image: tsimg run IMAGE COMMAND',
    });
  }
  if (args.some((arg) => arg.includes('\0'))) throw new TsimgError('USAGE', 'a command with a zero byte');
  return args;
}

/**
 * Returns the paths to try for a program, in order: the program itself where it contains a slash, else one in each
 * directory of the *container's* PATH. An empty element of PATH, which is the working directory to execvp(3), is
 * skipped.
 */
export function commandCandidates(program: string, env: readonly string[]): readonly string[] {
  if (program.includes('/')) return [program];
  const path = variable(env, 'PATH') ?? DEFAULT_PATH;
  return path
    .split(':')
    .filter((directory) => directory.startsWith('/'))
    .map((directory) => `${directory.replace(/\/+$/, '')}/${program}`);
}

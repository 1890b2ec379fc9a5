import type { RunInput } from '../../launch/plan/run-request.ts';
import { type RunSourceOptions, runSource as run } from '../../verbs/run/run-source.ts';
import { checkArguments, checkOptions } from '../options/check-options.ts';
import { type WithPlatform, withPlatform } from '../options/image-options.ts';
import { RUN_INPUT_CHECKS, RUN_SOURCE_CHECKS } from '../options/run-checks.ts';

/**
 * Runs a command, as `tsimg run` does: in a container of an image, which is pulled where it is missing, or in a
 * directory that is a root filesystem, where changes stay. Resolves with the command's exit status. `options.signal`
 * ends the preparation, or kills the command. The signals of `options.signals`, such as {@link processSignals}, are
 * passed on to the command. A container of an image is kept afterwards, unless `life.remove` is set.
 * @param source a SOURCE, or a directory that holds a root filesystem
 * @param input `command` and the options of `run`, in the command line's spelling and with its defaults
 * @throws USAGE, CONTAINER_EXISTS, HOST_UNSUPPORTED, LAUNCH_FAILED, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE,
 * SYSTEM_CALL, LIMIT_EXCEEDED, and the errors of {@link openImage} and {@link pullToStore}
 * @example
 * const status = await runSource('alpine:3.19', { command: ['uname', '-r'] }, { life: { remove: true } });
 */
export async function runSource(
  source: string,
  input: RunInput,
  options: WithPlatform<RunSourceOptions> = {},
): Promise<number> {
  checkArguments(source, input?.command);
  checkOptions('runSource', input, RUN_INPUT_CHECKS);
  checkOptions('runSource', options, RUN_SOURCE_CHECKS);
  return await run(source, input, withPlatform(options));
}

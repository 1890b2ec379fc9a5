import type { OnEvent } from '../../events.ts';
import { startSourceHere } from '../../verbs/run/run-source.ts';
import { type Checks, checkArguments, checkOptions } from '../options/check-options.ts';
import { CONTAINER_CHECKS } from '../options/container-checks.ts';
import type { ContainerOptions } from '../options/container-options.ts';
import { containerRequest, lifeOf, sourceOptions } from '../options/container-request.ts';
import {
  CAPTURE_CHECKS,
  type CaptureOptions,
  type CommandResult,
  capture,
  type OutputEncoding,
  type OutputOf,
} from './capture.ts';

/** How {@link runContainer} runs a command: how the container is made, and what becomes of the output. */
export interface RunContainerOptions<Encoding extends OutputEncoding = 'utf8'>
  extends ContainerOptions,
    CaptureOptions<Encoding> {}

const RUN_CHECKS: Checks<RunContainerOptions> = { ...CONTAINER_CHECKS, ...CAPTURE_CHECKS };

/** How the command of a container ended, and its output. */
export interface ContainerResult<Output = string> extends CommandResult<Output> {
  /** Whether the kernel killed a process because the container's memory was used up. */
  readonly oomKilled: boolean;
}

/**
 * Runs a command in a new container and waits for its end. A status that is not 0 is no error. The container is removed
 * afterwards, unless `keep` is set; it ends when this process ends in any way. Nothing of this process is changed: it
 * gets no listener, and its own streams are not used.
 * @param source a SOURCE (a reference is pulled where it is missing), or a directory with a root filesystem
 * @param command the command and its arguments; empty for the image's own
 * @throws USAGE, CONTAINER_EXISTS, HOST_UNSUPPORTED, LAUNCH_FAILED, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE,
 * SYSTEM_CALL, LIMIT_EXCEEDED beyond `timeout` or `maxOutput`, the reason of `signal`, and the errors of
 * {@link openImage} and {@link pullToStore}
 * @example
 * const { exitCode, stdout } = await runContainer('alpine:3.20', ['cat', '/etc/os-release'], { network: 'none' });
 */
export async function runContainer<Encoding extends OutputEncoding = 'utf8'>(
  source: string,
  command?: readonly string[],
  options?: RunContainerOptions<Encoding>,
): Promise<ContainerResult<OutputOf<Encoding>>>;
export async function runContainer(
  source: string,
  command: readonly string[] = [],
  options: RunContainerOptions<OutputEncoding> = {},
): Promise<ContainerResult<string | Buffer>> {
  checkArguments(source, command);
  checkOptions('runContainer', options, RUN_CHECKS);
  const request = containerRequest(command, options);
  const life = { ...lifeOf(options), remove: !options.keep };
  let oomKilled = false;
  const onEvent: OnEvent = (event) => {
    oomKilled ||= event.kind === 'out-of-memory';
    options.onEvent?.(event);
  };
  const result = await capture(options, async ({ streams, interactive, signal, onStarted }) => {
    const settings = { ...sourceOptions(options), life, streams, signal, onEvent };
    const { ended } = await startSourceHere(source, { ...request, interactive }, settings);
    onStarted();
    return await ended;
  });
  return { ...result, oomKilled };
}

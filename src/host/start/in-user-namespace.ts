import { TsimgError } from '../../errors.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import type { IdMap } from '../../launch/launch-plan.ts';
import { startStub } from '../../sys/stub/start-stub.ts';
import { requireTool } from '../facts/tools.ts';
import { type SignalSource, signalNumber } from '../stdio/signal-source.ts';
import { becomeHelper, startHelper } from './start-helper.ts';

/** A user's command on the host. */
export interface UserCommand {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The signals to pass on to the command. */
  readonly signals?: SignalSource | undefined;
}

/**
 * Runs a user's command in a new user namespace, with this process's streams and working directory; resolves with its
 * exit status as a shell reports it. Signals are passed on, except for those that the terminal sends to the command
 * anyway.
 * @throws HOST_UNSUPPORTED, LAUNCH_FAILED, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, SYSTEM_CALL
 */
export async function runInUserNamespace(
  idMap: IdMap,
  tools: HostTools,
  { command, env, signals }: UserCommand,
): Promise<number> {
  const started = await startStub({ standard: ['inherit', 'inherit', 'inherit'], foreground: true });
  const child = started.process;
  // A terminal sends SIGINT and SIGQUIT to its whole foreground process group, which the command is in.
  using _ = signals?.listen((name) => {
    if (name !== 'SIGINT' && name !== 'SIGQUIT') child.kill(name);
  });
  await becomeHelper(started, { namespaces: { idMap }, tools, args: command, env });
  const { status, signal } = await child.ended;
  return status ?? 128 + (signal === null ? 0 : signalNumber(signal));
}

/**
 * Removes trees with files of subordinate IDs, which the caller alone may not remove. @throws FILESYSTEM, LAUNCH_FAILED
 */
export async function removeInUserNamespace(idMap: IdMap, tools: HostTools, paths: readonly string[]): Promise<void> {
  const rm = requireTool(tools, 'rm');
  const { process, complaints } = await startHelper({
    namespaces: { idMap },
    tools,
    args: [rm, '-rf', '--', ...paths],
  });
  const { status } = await process.ended;
  if (status === 0) return;
  throw new TsimgError('FILESYSTEM', 'cannot remove the files of a container', {
    where: paths[0],
    why: (await complaints).trim(),
  });
}

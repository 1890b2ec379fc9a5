import { TsimgError } from '../../errors.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import type { IdMap } from '../../launch/launch-plan.ts';
import { explainRefusal } from '../../launch/show/explain-refusal.ts';
import { MS } from '../../linux/mount-flags.ts';
import type { StartedProcess } from '../../sys/process/start-process.ts';
import { dieWithParent, resetSignals, setGroups, setIds } from '../../sys/stub/call/become.ts';
import { mount } from '../../sys/stub/call/mounts.ts';
import { makeNamespaces } from '../../sys/stub/call/namespaces.ts';
import { type StartedStub, type StubOptions, startStub } from '../../sys/stub/start-stub.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import { readConditions } from '../facts/conditions.ts';
import { TOOL_ENV } from '../facts/tools.ts';
import { collectComplaints } from '../stdio/complaints.ts';
import { readMessages } from '../stdio/read-messages.ts';
import { type SignalSource, signalNumber } from '../stdio/signal-source.ts';
import { executeFirst } from '../steps/command.ts';
import { DESCRIPTOR } from './channel.ts';
import { makeUserNamespace } from './make-user-namespace.ts';

/** With which IDs, and whose mounts, a process of ours works. */
export interface HelperNamespaces {
  /** A container's; absent for root. */
  readonly idMap: IdMap | undefined;
  /** Whether what it mounts is its own; else it mounts nothing. */
  readonly ownMounts?: boolean;
}

/** What a helper takes besides its namespaces and its command line. */
export interface HelperOptions<Message> {
  /** Pipes from descriptor 5 on. */
  readonly more?: number;
  /** A descriptor of this process, which the helper gets after those. */
  readonly given?: number | undefined;
  /** Checks a message; absent for a program that sends none. */
  readonly isMessage?: (value: unknown) => value is Message;
}

/** A program of ours that has a container's IDs, and dies with the caller. */
export interface HelperProcess<Message> {
  readonly process: StartedProcess;
  /** What it writes to descriptor 4, a JSON value a line. */
  readonly messages: AsyncGenerator<Message>;
  /** What it writes to standard error, when it is gone. */
  readonly complaints: Promise<string>;
}

function isNone(_: unknown): _ is never {
  return false;
}

/**
 * Moves a stub to a user namespace, as root of it: to a new one, also where a container runs that has the same map. In
 * that one, who may trace all in the container could trace the program as well, which has the host's root.
 */
async function enterUserNamespace(stub: Stub, { idMap }: HelperNamespaces, tools: HostTools): Promise<void> {
  if (idMap === undefined) return;
  await makeUserNamespace(stub, idMap, tools);
  if (idMap.caller === undefined) return;
  setGroups(stub, []);
  setIds(stub, 0, 0);
}

/**
 * Has a stub, which is killed where it fails, become a program. @throws HOST_UNSUPPORTED where that is the host's doing
 */
async function becomeHelper(
  { stub, process }: StartedStub,
  namespaces: HelperNamespaces,
  tools: HostTools,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<void> {
  try {
    await enterUserNamespace(stub, namespaces, tools);
    if (namespaces.ownMounts) {
      makeNamespaces(stub, ['mount']);
      mount(stub, { source: null, target: '/', type: null, flags: MS.private | MS.recursive }, '/');
    }
    resetSignals(stub);
    // New credentials clear it.
    dieWithParent(stub);
    executeFirst(stub, { args, env: Object.entries(env).map(([name, value]) => `${name}=${value}`) });
  } catch (thrown) {
    process.kill('SIGKILL');
    const error = stub.failure ?? thrown;
    throw error instanceof TsimgError ? (explainRefusal(error, readConditions()) ?? error) : error;
  } finally {
    stub.close();
  }
}

/**
 * Starts a program of ours, or of the host's, with the IDs that a container has, so that it can read and write the
 * container's files: as root, or as root of a user namespace. It has the host's root and programs. Descriptor 3 is its
 * input, 4 its messages; standard input and output are /dev/null.
 * @throws HOST_UNSUPPORTED, LAUNCH_FAILED, SYSTEM_CALL; `messages` LAUNCH_FAILED for one that is not as `isMessage` has
 * it
 */
export async function startHelper<Message extends { readonly kind: string } = never>(
  namespaces: HelperNamespaces,
  tools: HostTools,
  program: readonly string[],
  { more = 0, given, isMessage = isNone }: HelperOptions<Message> = {},
): Promise<HelperProcess<Message>> {
  const options: StubOptions = { standard: ['ignore', 'ignore', 'pipe'], pipes: 2 + more, given };
  const started = await startStub(options);
  const { process } = started;
  const complaints = collectComplaints(process.stream(DESCRIPTOR.complaints));
  const messages = readMessages(process.stream(DESCRIPTOR.status), isMessage);
  await becomeHelper(started, namespaces, tools, program, TOOL_ENV);
  return { process, messages, complaints };
}

/** A command of the user's on the host. */
export interface UserCommand {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Passed on to the command. */
  readonly signals?: SignalSource | undefined;
}

/**
 * Runs a command of the user's in that namespace, with this process's own streams, environment and working directory;
 * resolves with its exit status, as a shell would tell it. Signals reach it as far as they do not reach it anyway.
 * @throws HOST_UNSUPPORTED, LAUNCH_FAILED, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, SYSTEM_CALL
 */
export async function runInUserNamespace(
  idMap: IdMap,
  tools: HostTools,
  { command, env, signals }: UserCommand,
): Promise<number> {
  const started = await startStub({ standard: ['inherit', 'inherit', 'inherit'], foreground: true });
  const child = started.process;
  // A terminal's Ctrl-C and Ctrl-\ go to all in front of it, the command among them.
  using _ = signals?.listen((name) => {
    if (name !== 'SIGINT' && name !== 'SIGQUIT') child.kill(name);
  });
  await becomeHelper(started, { idMap }, tools, command, env);
  const { status, signal } = await child.ended;
  return status ?? 128 + (signal === null ? 0 : signalNumber(signal));
}

/** Removes trees whose files may belong to subordinate IDs, which the caller alone could not. @throws LAUNCH_FAILED */
export async function removeInUserNamespace(
  idMap: IdMap,
  tools: HostTools,
  rm: string,
  paths: readonly string[],
): Promise<void> {
  const { process, complaints } = await startHelper({ idMap }, tools, [rm, '-rf', '--', ...paths]);
  const { status } = await process.ended;
  if (status === 0) return;
  throw new TsimgError('FILESYSTEM', 'cannot remove what a container left', {
    where: paths[0],
    why: (await complaints).trim(),
  });
}

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
import { executeFirst } from '../steps/command.ts';
import { DESCRIPTOR } from './channel.ts';
import { makeUserNamespace } from './make-user-namespace.ts';

/** The namespaces of a helper. */
export interface HelperNamespaces {
  /** A container's map; absent where the helper is the host's root. */
  readonly idMap: IdMap | undefined;
  /** Whether the helper gets a mount namespace of its own; without one, it mounts nothing. */
  readonly ownMounts?: boolean;
}

/** The options of a helper, besides its program. */
export interface HelperOptions<Message> {
  /** Pipes from descriptor 5 on. */
  readonly more?: number;
  /** A descriptor of this process, which the helper gets after those. */
  readonly given?: number | undefined;
  /** Checks a message; absent for a program that sends none. */
  readonly isMessage?: (value: unknown) => value is Message;
}

/** A program of tsimg with a container's IDs. It dies with the caller. */
export interface HelperProcess<Message> {
  readonly process: StartedProcess;
  /** The messages that it writes to descriptor 4, a JSON value a line. */
  readonly messages: AsyncGenerator<Message>;
  /** Its standard error; resolves when the helper has ended. */
  readonly complaints: Promise<string>;
}

function isNone(_: unknown): _ is never {
  return false;
}

/**
 * Moves a stub to a new user namespace, as its root. A running container's namespace with the same map is not joined: a
 * process with all rights in the container could trace the helper there, and the helper has the host's root directory.
 */
async function enterUserNamespace(stub: Stub, { idMap }: HelperNamespaces, tools: HostTools): Promise<void> {
  if (idMap === undefined) return;
  await makeUserNamespace(stub, idMap, tools);
  if (idMap.caller === undefined) return;
  setGroups(stub, []);
  setIds(stub, 0, 0);
}

/** A program, and the namespaces that it runs in. */
export interface HelperProgram {
  readonly namespaces: HelperNamespaces;
  readonly tools: HostTools;
  readonly args: readonly string[];
}

interface HelperPlan extends HelperProgram {
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Makes a stub a helper; a stub that fails is killed. @throws HOST_UNSUPPORTED where the host refuses it,
 * LAUNCH_FAILED, SYSTEM_CALL
 */
export async function becomeHelper(
  { stub, process }: StartedStub,
  { namespaces, tools, args, env }: HelperPlan,
): Promise<void> {
  try {
    await enterUserNamespace(stub, namespaces, tools);
    if (namespaces.ownMounts) {
      makeNamespaces(stub, ['mount']);
      mount(stub, { source: null, target: '/', type: null, flags: MS.private | MS.recursive }, '/');
    }
    resetSignals(stub);
    // A change of credentials clears it.
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
 * Starts a program of tsimg or of the host with a container's IDs, so that it can read and write the container's files:
 * as root, or as root of a user namespace. It has the host's root directory. Descriptor 3 is its input, 4 its messages;
 * standard input and output are /dev/null.
 * @throws HOST_UNSUPPORTED, LAUNCH_FAILED, SYSTEM_CALL; `messages` LAUNCH_FAILED for one that is not as `isMessage` has
 * it
 */
export async function startHelper<Message extends { readonly kind: string } = never>(
  program: HelperProgram,
  { more = 0, given, isMessage = isNone }: HelperOptions<Message> = {},
): Promise<HelperProcess<Message>> {
  const options: StubOptions = { standard: ['ignore', 'ignore', 'pipe'], pipes: 2 + more, given };
  const started = await startStub(options);
  const { process } = started;
  const complaints = collectComplaints(process.stream(DESCRIPTOR.complaints));
  const messages = readMessages(process.stream(DESCRIPTOR.status), isMessage);
  await becomeHelper(started, { ...program, env: TOOL_ENV });
  return { process, messages, complaints };
}

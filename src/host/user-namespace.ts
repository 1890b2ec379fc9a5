import { TsimgError } from '../errors.ts';
import type { HostTools } from '../launch/host-facts.ts';
import type { IdMap } from '../launch/plan.ts';
import { type StartedProcess, startProcess } from '../sys/start-process.ts';
import { DESCRIPTOR } from './channel.ts';
import { collectComplaints } from './complaints.ts';
import { catchSignals, signalNumber } from './forward-signals.ts';
import { readMessages } from './stage-messages.ts';
import { inUserNamespace, TOOL_ENV } from './tool-chain.ts';
import { writeIdMaps } from './write-id-maps.ts';

/** A process that is root in a user namespace of the caller's IDs, and dies with the caller. */
export interface NamespacedProcess<Message> {
  readonly process: StartedProcess;
  /** What it writes to descriptor 4, a JSON value a line. */
  readonly messages: AsyncGenerator<Message>;
  /** What it writes to standard error, when it is gone. */
  readonly complaints: Promise<string>;
}

/**
 * Starts a command in a new user namespace with this map: what it writes belongs to the IDs that containers of the caller
 * see. Descriptor 3 is its input, 4 its messages; standard input and output are /dev/null.
 * @param more descriptors from 5 on
 * @throws HOST_UNSUPPORTED, LAUNCH_FAILED, SYSTEM_CALL
 */
export async function startInUserNamespace<Message extends { readonly kind: string }>(
  idMap: IdMap,
  tools: HostTools,
  command: readonly string[],
  more: readonly 'pipe'[] = [],
): Promise<NamespacedProcess<Message>> {
  const [program = '', ...args] = inUserNamespace(tools, command, { becomesRoot: idMap.caller !== undefined });
  const process = await startProcess(program, args, {
    descriptors: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe', ...more],
    env: TOOL_ENV,
    cwd: '/',
    ownSession: true,
  });
  const complaints = collectComplaints(process.stream(DESCRIPTOR.complaints));
  const messages = readMessages<Message>(process.stream(DESCRIPTOR.status));
  try {
    const first = await messages.next();
    if (first.done || first.value.kind !== 'namespace') {
      throw new TsimgError('HOST_UNSUPPORTED', 'no user namespace could be made', {
        why: (await complaints).trim(),
        hint: 'tsimg doctor says what this host can do',
      });
    }
    await writeIdMaps(process.pid, idMap, tools);
    process.stream(DESCRIPTOR.control).write('\n');
  } catch (error) {
    process.kill('SIGKILL');
    throw error;
  }
  return { process, messages, complaints };
}

/**
 * Runs a command of the user's in that namespace, with this process's own streams, environment and working directory;
 * resolves with its exit status, as a shell would tell it. Signals reach it as far as they do not reach it anyway.
 * @throws HOST_UNSUPPORTED, LAUNCH_FAILED, SYSTEM_CALL
 */
export async function runInUserNamespace(
  idMap: IdMap,
  tools: HostTools,
  command: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const [program = '', ...args] = inUserNamespace(tools, command, { keepDescriptors: false });
  const descriptors = ['inherit', 'inherit', 'inherit', 'pipe', 'pipe'] as const;
  const child = await startProcess(program, args, { descriptors, env, ownSession: false });
  // A terminal's Ctrl-C and Ctrl-\ go to all in front of it, the command among them.
  using _ = catchSignals(true, (name) => {
    if (name !== 'SIGINT' && name !== 'SIGQUIT') child.kill(name);
  });
  try {
    const first = await readMessages<{ readonly kind: string }>(child.stream(DESCRIPTOR.status)).next();
    if (first.done) throw new TsimgError('HOST_UNSUPPORTED', 'no user namespace could be made');
    await writeIdMaps(child.pid, idMap, tools);
    child.stream(DESCRIPTOR.control).end('\n');
    const { status, signal } = await child.ended;
    return status ?? 128 + (signal === null ? 0 : signalNumber(signal));
  } finally {
    child.kill('SIGKILL');
  }
}

/** Removes trees whose files may belong to subordinate IDs, which the caller alone could not. @throws LAUNCH_FAILED */
export async function removeInUserNamespace(
  idMap: IdMap,
  tools: HostTools,
  rm: string,
  paths: readonly string[],
): Promise<void> {
  const { process, messages, complaints } = await startInUserNamespace(idMap, tools, [rm, '-rf', '--', ...paths]);
  await messages.next();
  const { status } = await process.ended;
  if (status === 0) return;
  throw new TsimgError('FILESYSTEM', 'cannot remove what a container left', {
    where: paths[0],
    why: (await complaints).trim(),
  });
}

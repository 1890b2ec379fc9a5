import type { HostTools } from '../launch/host-facts.ts';
import type { IdMap } from '../launch/plan.ts';
import { startProcess } from '../sys/start-process.ts';
import { DESCRIPTOR } from './channel.ts';
import { collectComplaints } from './complaints.ts';
import { readMessages } from './stage-messages.ts';
import { TOOL_ENV } from './tool-chain.ts';
import { requireTool } from './tools.ts';
import { type NamespacedProcess, startInUserNamespace } from './user-namespace.ts';

/** The descriptor by which a process inside gets or gives an archive. */
export const ARCHIVE = 5;

/** With which IDs, and whose mounts, a process of ours works. */
export interface Inside {
  /** The container's; absent for root. */
  readonly idMap: IdMap | undefined;
  /** Whether what it mounts is its own; else it mounts nothing. */
  readonly ownMounts: boolean;
  /** The process whose user namespace it joins, instead of making one with the same map. */
  readonly pid?: number | undefined;
}

/**
 * Starts a program of ours with the IDs that a container has, so that it can read and write the container's files: as root, or
 * as root of the user namespace. It runs outside of the container, with the host's root and its programs, and dies with the
 * caller. Descriptor 3 is its input, 4 its messages, 5 carries an archive.
 * @throws HOST_UNSUPPORTED, LAUNCH_FAILED, SYSTEM_CALL
 */
export async function startInside<Message extends { readonly kind: string }>(
  { idMap, ownMounts, pid }: Inside,
  tools: HostTools,
  program: readonly string[],
): Promise<NamespacedProcess<Message>> {
  const dying = [requireTool(tools, 'setpriv'), '--pdeathsig', 'KILL'];
  const mounts = [requireTool(tools, 'unshare'), '--mount', '--propagation', 'private'];
  const command = [...(ownMounts ? mounts : []), ...program];
  if (idMap !== undefined && pid === undefined) return startInUserNamespace(idMap, tools, command, ['pipe']);
  // What changes credentials takes the signal at the caller's death away
  const keep = idMap?.caller === undefined ? ['--preserve-credentials'] : [];
  const join = [requireTool(tools, 'nsenter'), `--user=/proc/${pid}/ns/user`, ...keep, '--', ...dying];
  const [file = '', ...args] = [...dying, ...(idMap === undefined ? [] : join), ...command];
  const process = await startProcess(file, args, {
    descriptors: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
    env: TOOL_ENV,
    cwd: '/',
    ownSession: true,
  });
  const complaints = collectComplaints(process.stream(DESCRIPTOR.complaints));
  return { process, messages: readMessages<Message>(process.stream(DESCRIPTOR.status)), complaints };
}

import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { errnoOf, TsimgError } from '../errors.ts';
import { variable } from '../launch/environment.ts';
import type { IdMap, ProcessPlan } from '../launch/plan.ts';
import { type ResolvedUser, resolveUser } from '../launch/user.ts';
import { mapId } from '../linux/ids.ts';
import { attributeBits } from '../linux/mount-flags.ts';
import { awaitChild, startChild } from '../sys/child.ts';
import { openOwnHand } from '../sys/hand/own-hand.ts';
import { goToDirectory, hideFromTracers, type JoinedNamespace, joinNamespaces, ownRootDirectory } from '../sys/join.ts';
import { changeRootToWorkingDirectory, setMountAttributes } from '../sys/mount.ts';
import { openInRoot } from '../sys/open-in-root.ts';
import { DESCRIPTOR } from './channel.ts';
import { commandCalls } from './command-calls.ts';
import { ENTER_DESCRIPTOR, type EnterMessage, type EnterOrders } from './enter-channel.ts';
import { explainFailure } from './enter-failure.ts';
import { type Owner, openCommandStreams } from './enter-streams.ts';
import { O_PATH, withDescriptor } from './own-descriptors.ts';
import { portableError } from './portable-error.ts';
import { readRootFile } from './stage-files.ts';
import { pivot } from './stage-root.ts';
import { mountToolbox } from './stage-toolbox.ts';

// The stage that enters a container that runs. It looks everything up while it is still outside, by descriptor of the
// container's root; then it joins the namespaces and starts the command as its child. Only that is in the container's PID
// namespace: of the stage nothing can be seen there, and so nothing of the host be reached through its /proc/PID.

function tell(message: EnterMessage): void {
  writeSync(DESCRIPTOR.status, `${JSON.stringify(message)}\n`);
}

let held = Buffer.alloc(0);

/** The next line that the caller sent. The end of the stream means that the caller is gone. */
function readLine(): string {
  for (;;) {
    const end = held.indexOf(0x0a);
    if (end !== -1) {
      const line = held.toString('utf8', 0, end);
      held = held.subarray(end + 1);
      return line;
    }
    const chunk = Buffer.alloc(64 * 1024);
    const count = readSync(DESCRIPTOR.control, chunk);
    if (count === 0) throw new TsimgError('LAUNCH_FAILED', 'the caller is gone');
    held = Buffer.concat([held, chunk.subarray(0, count)]);
  }
}

function lookUpUser(rootFd: number, command: ProcessPlan): ResolvedUser {
  const files = { passwd: readRootFile(rootFd, '/etc/passwd'), group: readRootFile(rootFd, '/etc/group') };
  return resolveUser(command.user, files, command.extraGroups);
}

/** The user's IDs as they are here. */
function ownerOutside({ uid, gid }: ResolvedUser, mapped: IdMap | undefined): Owner {
  if (mapped === undefined) return { uid, gid };
  const [outsideUid, outsideGid] = [mapId(mapped.uids, uid), mapId(mapped.gids, gid)];
  if (outsideUid !== undefined && outsideGid !== undefined) return { uid: outsideUid, gid: outsideGid };
  throw new TsimgError('LAUNCH_FAILED', 'the container’s user namespace has no such IDs', { where: `${uid}:${gid}` });
}

/** Unlike `run`, exec makes no directory that is missing: docker's says 127, too. */
function openWorkdir(rootFd: number, path: string): number {
  try {
    return openInRoot(rootFd, path, { flags: O_PATH | constants.O_DIRECTORY, links: 'inside' });
  } catch (cause) {
    const why = errnoOf(cause) ?? 'unknown';
    const code = why === 'ENOENT' ? 'COMMAND_NOT_FOUND' : 'COMMAND_NOT_EXECUTABLE';
    throw new TsimgError(code, 'the working directory cannot be entered', { where: path, why, cause });
  }
}

/**
 * For a moment the child that becomes the command is seen in the container with this program as its /proc/PID/exe. Who may
 * trace it there must not be able to write to that (CVE-2019-5736).
 */
function protectHost(): void {
  withDescriptor(openSync('/', O_PATH | constants.O_DIRECTORY), (root) =>
    setMountAttributes(root, attributeBits(['ro']), true, 'the host’s root'),
  );
}

function enter(): void {
  hideFromTracers();
  const { plan, cgroups, filter }: EnterOrders = JSON.parse(readLine());
  const { command, detached, namespaces, toolbox } = plan;
  const hand = openOwnHand();
  const container = { process: ENTER_DESCRIPTOR.container, root: ENTER_DESCRIPTOR.root };
  const root = toolbox === undefined ? container.root : mountToolbox(hand, toolbox, container);
  const user = lookUpUser(root, command);
  const streams = openCommandStreams(root, plan, ownerOutside(user, plan.mapped), (master) => {
    tell({ kind: 'terminal', fd: master });
    readLine();
  });
  const calls = commandCalls(command, {
    user,
    env: variable(command.env, 'HOME') === undefined ? [...command.env, `HOME=${user.home}`] : command.env,
    directory: openWorkdir(root, command.cwd),
    streams,
    cgroups,
    userNamespaceOf: plan.mapped && container.process,
    filter: filter === undefined ? undefined : Buffer.from(filter, 'base64'),
    // The space stands before the next message. Where the caller died meanwhile, nobody is there to read it.
    guard: detached ? undefined : DESCRIPTOR.status,
  });
  // nsenter joined the namespaces that only a process of a single thread can join.
  const joined = namespaces.filter((name): name is JoinedNamespace => name !== 'user' && name !== 'time');
  if (toolbox === undefined) {
    protectHost();
    ownRootDirectory();
    joinNamespaces(container.process, joined);
    goToDirectory(root);
    changeRootToWorkingDirectory();
  } else {
    pivot(hand, root, { do: 'pivot', readOnlyRoot: false });
    joinNamespaces(
      container.process,
      joined.filter((name) => name !== 'mount'),
    );
  }
  const start = startChild(calls);
  if (start.kind === 'failed') throw explainFailure(command.args[0] ?? '', start);
  tell({ kind: 'running', pid: start.pid });
  if (detached) return;
  // The end of the command's output is for the caller to see, and ours would keep it open. Reaped is the command only when
  // the caller holds it: its number could be another's then.
  for (const fd of new Set(streams)) closeSync(fd);
  readLine();
  tell({ kind: 'ended', status: awaitChild(start.pid) });
}

try {
  enter();
} catch (error) {
  tell({ kind: 'error', error: portableError(error) });
}

import { errnoOf, TsimgError } from '../../errors.ts';
import type { IdMap, LaunchPlan, ProcessPlan } from '../../launch/launch-plan.ts';
import { commandCandidates } from '../../launch/plan/command.ts';
import { variable } from '../../launch/plan/environment.ts';
import { type ResolvedUser, resolveUser } from '../../launch/plan/user.ts';
import { capabilityMask } from '../../linux/capabilities.ts';
import { mapId } from '../../linux/ids.ts';
import * as become from '../../sys/stub/call/become.ts';
import {
  chownDescriptor,
  chownDescriptorLater,
  goTo,
  whichThere,
  withDescriptor,
  workingDirectory,
} from '../../sys/stub/call/files.ts';
import { takeTerminal } from '../../sys/stub/call/terminals.ts';
import type { Call } from '../../sys/stub/request.ts';
import { callError, errnoName, type Stub } from '../../sys/stub/stub.ts';
import type { ContainerPipes } from '../stdio/relay.ts';
import { openDirectory, readFileOfRoot, type StubRoot } from './root.ts';
import { openEmptyInput } from './stream-devices.ts';

/**
 * Goes to the working directory; a missing one is made. The check after it is for links to /proc/self/fd, which lead to
 * the host (CVE-2024-21626).
 */
function enterWorkdir(root: StubRoot, path: string): void {
  const { stub } = root;
  let directory: number;
  try {
    directory = openDirectory(root, path, 'inside');
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOTDIR') throw cause;
    throw new TsimgError('LAUNCH_FAILED', 'the working directory is not a directory', {
      where: path,
      why: 'a file is there, or on the way to it',
      hint: 'choose another one: -w /',
      cause,
    });
  }
  withDescriptor(stub, directory, (fd) => goTo(stub, fd));
  // `goTo` is delayed: it is performed in the request of this call, before it.
  if (!workingDirectory(stub).startsWith('/')) {
    throw new TsimgError('LAUNCH_FAILED', 'the working directory is not in the container', { where: path });
  }
}

/** Places the terminal or the pipes as standard streams. The user owns them, so that /dev/stdout can be opened. */
function placeStreams(root: StubRoot, streams: number | ContainerPipes, user: ResolvedUser): void {
  const { stub } = root;
  let sources: readonly number[];
  if (typeof streams === 'number') {
    takeTerminal(stub, streams);
    chownDescriptor(stub, streams, user.uid, -1);
    sources = [streams, streams, streams];
  } else {
    const { stdin, stdout, stderr } = streams;
    for (const fd of [stdin, stdout, stderr]) {
      if (fd !== undefined) chownDescriptorLater(stub, fd, user.uid, user.gid);
    }
    sources = [stdin ?? openEmptyInput(root), stdout, stderr];
  }
  sources.forEach((from, to) => {
    become.duplicateOnto(stub, from, to);
  });
}

/** The permitted and effective capabilities of the command: none for users other than root. */
function finalCapabilities(command: ProcessPlan, user: ResolvedUser): bigint {
  return user.uid === 0 ? capabilityMask(command.capabilities) : 0n;
}

/**
 * Makes the process the user's, with the user's groups and only the plan's capabilities. If it is to be `filtered`
 * later and the command may gain privileges, it also keeps SYS_ADMIN: seccomp(2) installs a filter only with that or
 * no_new_privs.
 */
export function becomeUser(
  stub: Stub,
  command: ProcessPlan,
  { user, filtered }: { readonly user: ResolvedUser; readonly filtered: boolean },
): void {
  become.dropBounding(stub, capabilityMask(command.capabilities));
  if (command.setGroups) become.setGroups(stub, user.groups);
  // The change of IDs may make the process traceable until it is hidden again. A tracer would need all capabilities
  // that it keeps.
  become.keepCapabilities(stub);
  become.setIds(stub, user.uid, user.gid);
  const final = finalCapabilities(command, user);
  const installing = filtered && !command.noNewPrivileges ? capabilityMask(['SYS_ADMIN']) : 0n;
  become.setCapabilities(stub, final | installing);
  if (command.noNewPrivileges) become.forbidNewPrivileges(stub);
  // Delayed: both callers make another call at once, which performs it.
  become.dieWithParentLater(stub);
}

/** Explains why a limit was refused. */
export function explainLimit({ resource }: become.Limit): (cause: TsimgError) => TsimgError {
  return (cause) => {
    if (errnoOf(cause) !== 'EPERM') return cause;
    const why = 'a hard limit of the caller is lower';
    return new TsimgError('LAUNCH_FAILED', 'the limit cannot be raised', { where: resource, why, cause });
  };
}

function failure(program: string, errno: string, exists: boolean): TsimgError {
  const facts = { errno };
  if (errno !== 'ENOENT' && errno !== 'ENOTDIR') {
    const [why, hint] =
      errno === 'EACCES'
        ? ['it is a directory, or no file that may be executed', 'make it executable: chmod +x']
        : [errno];
    return new TsimgError('COMMAND_NOT_EXECUTABLE', 'the command cannot be invoked', {
      where: program,
      why,
      hint,
      facts,
    });
  }
  return new TsimgError('COMMAND_NOT_FOUND', 'the command was not found', {
    where: program,
    why: exists ? 'it is there, but its interpreter or loader is not' : 'there is no such file',
    hint: exists
      ? 'install the interpreter in the image, or use an image for this machine'
      : 'check its name, and $PATH in the container',
    facts,
  });
}

/** A program to execute. */
export interface Execution {
  readonly args: readonly string[];
  /** `NAME=value` each. */
  readonly env: readonly string[];
  /** Calls in one request with the first try. */
  readonly last?: readonly Call[];
}

/**
 * Tries each place where the program may be, as execvp(3) does; returns when the stub has become the program. The
 * `last` calls are in one request with the first try: among them is the filter, which may forbid the calls by which a
 * stub takes requests.
 * @throws COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, SYSTEM_CALL
 */
export function executeFirst(stub: Stub, { args, env, last = [] }: Execution): void {
  const [program = ''] = args;
  let errno = 'ENOENT';
  // Requested now, because the filter may forbid this call once it is installed.
  const present = whichThere(stub, commandCandidates(program, env));
  // If no program exists, the last try gives the kernel's error.
  const candidates = present.length > 0 ? present : commandCandidates(program, env).slice(-1);
  let before = last;
  for (const path of candidates) {
    const outcome = stub.attempt([...before, become.executeCall(path, args, env)]);
    if (outcome === undefined) return;
    const call = before[outcome.call];
    if (call !== undefined) throw callError(call.name, outcome.result);
    before = [];
    const failed = errnoName(outcome.result);
    if (failed === 'ENOENT' || failed === 'ENOTDIR') continue;
    errno = failed;
    if (failed !== 'EACCES') break;
  }
  throw failure(program, errno, present.length > 0);
}

/** The command's user and environment, found by the files of the container's root. */
export interface LookedUp {
  readonly user: ResolvedUser;
  /** With HOME. */
  readonly env: readonly string[];
}

/** Refuses IDs that the map does not have. Otherwise the first call with such an ID would fail with EINVAL. */
function checkMapped({ uid, gid, groups }: ResolvedUser, idMap: IdMap, setGroups: boolean): void {
  const others = setGroups ? groups : [];
  if (mapId(idMap.uids, uid) !== undefined && [gid, ...others].every((each) => mapId(idMap.gids, each) !== undefined)) {
    return;
  }
  throw new TsimgError('LAUNCH_FAILED', 'the container’s user namespace has no such IDs', {
    where: [`${uid}:${gid}`, ...others.filter((each) => each !== gid)].join(','),
    why: idMap.by === 'single' ? 'this user has no subordinate IDs, so the container has root only' : undefined,
    hint: 'run it as root in it (-u 0), or give this user more subordinate IDs (/etc/subuid and /etc/subgid)',
  });
}

/**
 * Looks up the user and HOME. `idMap` is the container's, if it has one.
 * @throws USAGE, HOST_UNSUPPORTED, LAUNCH_FAILED, LIMIT_EXCEEDED, SYSTEM_CALL
 */
export function lookUp(root: StubRoot, command: ProcessPlan, idMap: IdMap | undefined): LookedUp {
  const files = {
    passwd: readFileOfRoot(root, '/etc/passwd'),
    group: readFileOfRoot(root, '/etc/group'),
  };
  const user = resolveUser(command.user, files, command.extraGroups);
  if (command.extraGroups.length > 0 && !command.setGroups) {
    const why = 'the container has a single ID, so groups cannot be set';
    throw new TsimgError('HOST_UNSUPPORTED', 'groups cannot be added', { where: command.extraGroups.join(','), why });
  }
  if (idMap !== undefined) checkMapped(user, idMap, command.setGroups);
  return withHome(command, user);
}

/** Adds HOME to the command's environment. */
function withHome({ env }: ProcessPlan, user: ResolvedUser): LookedUp {
  return { user, env: variable(env, 'HOME') === undefined ? [...env, `HOME=${user.home}`] : env };
}

/** The last calls before execve(2): they install the filter, and drop the capability that was kept for that. */
export function lastCalls(command: ProcessPlan, user: ResolvedUser, filter: Uint8Array | undefined): readonly Call[] {
  if (filter === undefined) return [];
  const installed = become.filterCall(filter);
  return command.noNewPrivileges ? [installed] : [installed, become.capabilitiesCall(finalCapabilities(command, user))];
}

/** The launcher's part in becoming the command. */
export interface CommandHooks {
  /** The terminal, or pipes. */
  readonly streams: number | ContainerPipes;
  /** The instructions of the system call filter. */
  readonly filter: Uint8Array | undefined;
  /** What was prepared before the command was known. */
  readonly ahead?: DoneAhead | undefined;
  /** Called when only the filter and execve(2) are left. */
  ready(): void;
}

/** What was prepared for the plan's command. A command with the same user or working directory uses it too. */
export interface DoneAhead {
  readonly command: ProcessPlan;
  readonly user: ResolvedUser;
}

/** Sets the limits of a command's process, and gives it a keyring of its own. */
function limitProcess(stub: Stub, command: ProcessPlan): void {
  become.setLimits(stub, command.limits, explainLimit);
  become.leaveSessionKeyring(stub);
}

/**
 * Prepares for the plan's command: finds its user, goes to its directory, sets its limits. `becomeCommand` does the
 * first or the second again where the real command has another user or another directory.
 * @throws as `becomeCommand`
 */
export function prepareCommand(root: StubRoot, { command, idMap }: LaunchPlan): DoneAhead {
  const { user } = lookUp(root, command, idMap);
  enterWorkdir(root, command.cwd);
  limitProcess(root.stub, command);
  return { command, user };
}

/**
 * Makes a stub the container's command; returns when the command runs. The order matters: first the calls that need
 * privileges, then the change to the user, then the calls that cannot be undone, and the filter at the very end.
 * @throws COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, LAUNCH_FAILED, LIMIT_EXCEEDED, SYSTEM_CALL
 */
export function becomeCommand(
  root: StubRoot,
  { command, idMap }: LaunchPlan,
  { streams, filter, ready, ahead }: CommandHooks,
): void {
  const { stub } = root;
  const isKnown = ahead?.command.user === command.user;
  const { user, env } = isKnown ? withHome(command, ahead.user) : lookUp(root, command, idMap);
  if (ahead?.command.cwd !== command.cwd) enterWorkdir(root, command.cwd);
  become.startSession(stub);
  placeStreams(root, streams, user);
  if (ahead === undefined) limitProcess(stub, command);
  become.setUmask(stub, command.umask);
  becomeUser(stub, command, { user, filtered: filter !== undefined });
  become.resetSignals(stub);
  become.closeOnExecFrom(stub, 3);
  ready();
  executeFirst(stub, { args: command.args, env, last: lastCalls(command, user, filter) });
}

import { constants, fchownSync, openSync, statSync } from 'node:fs';
import { errnoOf, TsimgError } from '../errors.ts';
import { commandCandidates } from '../launch/command.ts';
import { variable } from '../launch/environment.ts';
import type { ProcessPlan } from '../launch/plan.ts';
import { type ResolvedUser, resolveUser } from '../launch/user.ts';
import { capabilityMask } from '../linux/capabilities.ts';
import {
  closeOnExecFrom,
  dieWithParent,
  dropBounding,
  duplicateOnto,
  execute,
  forbidNewPrivileges,
  keepCapabilities,
  leaveSessionKeyring,
  resetSignals,
  setCapabilities,
  setLimit,
  startSession,
} from '../sys/become.ts';
import { takeTerminal } from '../sys/pty.ts';
import { installFilter } from '../sys/seccomp.ts';
import { DESCRIPTOR } from './channel.ts';
import { descriptorPath, openDirectory, withDescriptor } from './root-targets.ts';
import { joinLateCgroups } from './stage-cgroups.ts';
import { readRootFile } from './stage-files.ts';
import type { Prepared } from './stage-steps.ts';

/** Goes to the working directory, made where it is missing. A link to /proc/self/fd would lead to the host (CVE-2024-21626). */
function enterWorkdir(rootFd: number, path: string): void {
  withDescriptor(openDirectory(rootFd, path, 'inside'), (fd) => process.chdir(descriptorPath(fd)));
  if (!process.cwd().startsWith('/')) {
    throw new TsimgError('LAUNCH_FAILED', 'the working directory is not in the container', { where: path });
  }
}

/** Standard streams: the terminal, or the three that the caller made, owned by the user so that /dev/stdout can be opened. */
function placeStreams(command: ProcessPlan, terminal: number | undefined, user: ResolvedUser): void {
  const sources =
    terminal !== undefined
      ? [terminal, terminal, terminal]
      : [
          command.stdin ? DESCRIPTOR.stdin : openSync('/dev/null', constants.O_RDONLY),
          DESCRIPTOR.stdout,
          DESCRIPTOR.stderr,
        ];
  if (terminal !== undefined) {
    takeTerminal(terminal);
    fchownSync(terminal, user.uid, -1);
  } else {
    for (const fd of command.stdin ? sources : sources.slice(1)) fchownSync(fd, user.uid, user.gid);
  }
  sources.forEach((from, to) => {
    duplicateOnto(from, to);
  });
}

/** The permitted and effective capabilities of the command: none for whoever is not root. */
function finalCapabilities(command: ProcessPlan, user: ResolvedUser): bigint {
  return user.uid === 0 ? capabilityMask(command.capabilities) : 0n;
}

/**
 * From here on the process is the user, with the user's groups and no more capabilities than the plan gives; where the command
 * may gain privileges, it keeps SYS_ADMIN until the end besides: without that or no_new_privs no filter can be installed.
 */
function becomeUser(command: ProcessPlan, user: ResolvedUser): void {
  dropBounding(capabilityMask(command.capabilities));
  if (command.setGroups) process.setgroups?.([...user.groups]);
  if (!command.noNewPrivileges) keepCapabilities();
  process.setgid?.(user.gid);
  process.setuid?.(user.uid);
  const final = finalCapabilities(command, user);
  if (command.noNewPrivileges) {
    setCapabilities(final);
    forbidNewPrivileges();
  } else {
    setCapabilities(final | capabilityMask(['SYS_ADMIN']));
  }
  dieWithParent();
}

function setLimits(limits: ProcessPlan['limits']): void {
  for (const { resource, soft, hard } of limits) {
    try {
      setLimit(resource, soft, hard);
    } catch (cause) {
      if (errnoOf(cause) !== 'EPERM') throw cause;
      const why = 'a hard limit of the caller is lower';
      throw new TsimgError('LAUNCH_FAILED', 'the limit cannot be raised', { where: resource, why, cause });
    }
  }
}

function failure(program: string, errno: string, exists: boolean): TsimgError {
  const facts = { errno };
  if (errno !== 'ENOENT' && errno !== 'ENOTDIR') {
    const why = errno === 'ENOEXEC' ? 'it is no program for this machine, and no script' : errno;
    return new TsimgError('COMMAND_NOT_EXECUTABLE', 'the command cannot be invoked', { where: program, why, facts });
  }
  return new TsimgError('COMMAND_NOT_FOUND', 'the command was not found', {
    where: program,
    why: exists ? 'it is there, but its interpreter or loader is not' : 'the root filesystem does not have it',
    facts,
  });
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Tries each place where the program may be, as execvp(3) does; returns only by throwing. */
function executeFirst(command: ProcessPlan, env: readonly string[]): never {
  const [program = ''] = command.args;
  let errno = 'ENOENT';
  let exists = false;
  for (const path of commandCandidates(program, env)) {
    const result = execute(path, command.args, env);
    if (result === 'ENOENT' || result === 'ENOTDIR') {
      exists ||= isThere(path);
      continue;
    }
    errno = result;
    if (result !== 'EACCES') break;
  }
  throw failure(program, errno, exists);
}

/**
 * Makes this process the container's command. The order matters: what needs privileges first, then the user, then what
 * cannot be taken back, `filter` (of `compileFilter`) at the very last; `ready` is called when only execve(2) is left.
 * @throws COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, LAUNCH_FAILED, LIMIT_EXCEEDED, SYSTEM_CALL
 */
export function becomeCommand(
  command: ProcessPlan,
  { rootFd, terminal, cgroups }: Prepared,
  filter: Uint8Array | undefined,
  ready: () => void,
): never {
  const files = { passwd: readRootFile(rootFd, '/etc/passwd'), group: readRootFile(rootFd, '/etc/group') };
  const user = resolveUser(command.user, files, command.extraGroups);
  if (command.extraGroups.length > 0 && !command.setGroups) {
    const why = 'there is a single ID, and so no group list';
    throw new TsimgError('HOST_UNSUPPORTED', 'groups cannot be added', { where: command.extraGroups.join(','), why });
  }
  const env = variable(command.env, 'HOME') === undefined ? [...command.env, `HOME=${user.home}`] : command.env;
  enterWorkdir(rootFd, command.cwd);
  startSession();
  placeStreams(command, terminal, user);
  setLimits(command.limits);
  leaveSessionKeyring();
  process.umask(command.umask);
  // Threads of Node keep their capabilities: once this one has fewer, it may not move them between processors any more.
  joinLateCgroups(cgroups);
  becomeUser(command, user);
  ready();
  resetSignals();
  closeOnExecFrom(3);
  if (filter !== undefined) installFilter(filter);
  if (!command.noNewPrivileges) setCapabilities(finalCapabilities(command, user));
  return executeFirst(command, env);
}

import { constants } from 'node:fs';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { ExecPlan } from '../../launch/plan/plan-exec.ts';
import type { ResolvedUser } from '../../launch/plan/user.ts';
import { O_PATH } from '../../sys/file/open-how.ts';
import * as become from '../../sys/stub/call/become.ts';
import { chownDescriptor, goTo, openInRoot, withDescriptor, workingDirectory } from '../../sys/stub/call/files.ts';
import { takeTerminal } from '../../sys/stub/call/terminals.ts';
import { type ChildSocket, forkStub, makeChildSocket } from '../../sys/stub/fork-stub.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import type { ContainerPipes } from '../stdio/relay.ts';
import { becomeUser, executeFirst, explainLimit, lastCalls, lookUp } from '../steps/command.ts';
import type { StubRoot } from '../steps/root.ts';
import { openEmptyInput, openNull, openTerminal } from '../steps/stream-devices.ts';

/** What is done for a command in between, not by the stub. */
export interface EnterHooks {
  /** The system call filter's instructions. */
  readonly filter: Uint8Array | undefined;
  /** Makes its standard streams. */
  openPipes(): ContainerPipes;
  /** Takes the master of its terminal, a descriptor of the stub. */
  takeMaster(master: number): void;
  /** Puts a process into the container's cgroups. */
  joinCgroups(pid: number): void;
}

/** Unlike `run`, exec makes no directory that is missing: docker's says 127, too. */
function enterWorkdir({ stub, fd: root }: StubRoot, path: string): void {
  let directory: number;
  try {
    directory = openInRoot(stub, root, path, { flags: O_PATH | constants.O_DIRECTORY, links: 'inside' });
  } catch (cause) {
    const why = errnoOf(cause) ?? 'unknown';
    const code = why === 'ENOENT' ? 'COMMAND_NOT_FOUND' : 'COMMAND_NOT_EXECUTABLE';
    throw new TsimgError(code, 'the working directory cannot be entered', { where: path, why, cause });
  }
  withDescriptor(stub, directory, (fd) => goTo(stub, fd));
  if (!workingDirectory(stub).startsWith('/')) {
    throw new TsimgError('LAUNCH_FAILED', 'the working directory is not in the container', { where: path });
  }
}

/** What becomes standard input, output and error: a terminal or pipes of the user's, or /dev/null. */
function openStreams(
  root: StubRoot,
  { command, detached }: ExecPlan,
  { user, hooks }: { readonly user: ResolvedUser; readonly hooks: EnterHooks },
): readonly number[] {
  const { stub } = root;
  const { uid, gid } = user;
  if (command.terminal) {
    const { fd } = openTerminal(root, hooks.takeMaster);
    chownDescriptor(stub, fd, uid, -1);
    return [fd, fd, fd];
  }
  const pipes: Partial<ContainerPipes> = detached ? {} : hooks.openPipes();
  return [pipes.stdin, pipes.stdout, pipes.stderr].map((fd, number) => {
    if (fd === undefined) return number === 0 ? openEmptyInput(root) : openNull(root);
    chownDescriptor(stub, fd, uid, gid);
    return fd;
  });
}

/** Where the first process of a PID namespace has ended, nobody can be born in it. pid_namespaces(7). */
function haveChild(stub: Stub, socket: ChildSocket): Stub {
  try {
    return forkStub(stub, socket);
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOMEM') throw cause;
    throw new TsimgError('CONTAINER_STATE', 'the container has ended', { cause });
  }
}

/**
 * Starts a command as the child of a stub that is in the container but for the PID namespace (`enterNamespaces`); its
 * process ID outside. The stub does all to itself that takes rights which the command will not have, and loses them,
 * before it has the child: what can be seen in the container, and traced, has no more rights than the container gives,
 * and nothing of the host's. Only under a filter of the caller's, which may forbid what still has to be done, the child
 * has SYS_ADMIN until it is installed.
 * @throws COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, HOST_UNSUPPORTED, LAUNCH_FAILED, LIMIT_EXCEEDED, SYSTEM_CALL
 */
export function startCommand(root: StubRoot, plan: ExecPlan, hooks: EnterHooks): number {
  const { stub } = root;
  const { command, detached } = plan;
  const { user, env } = lookUp(root, command, plan.idMap);
  const socket = makeChildSocket(stub);
  const streams = openStreams(root, plan, { user, hooks });
  enterWorkdir(root, command.cwd);
  // Its number of processes counts the stub as well: that limit is the child's alone.
  const [counted, others] = [true, false].map((is) =>
    command.limits.filter(({ resource }) => (resource === 'nproc') === is),
  );
  for (const limit of others ?? []) become.setLimit(stub, limit, explainLimit(limit));
  for (const limit of counted ?? []) become.makeRoomForLimit(stub, limit, explainLimit(limit));
  become.leaveSessionKeyring(stub);
  become.setUmask(stub, command.umask);
  become.resetSignals(stub);
  const [early, late] = command.seccomp === 'default' ? [hooks.filter, undefined] : [undefined, hooks.filter];
  if (early !== undefined) {
    if (command.noNewPrivileges) become.forbidNewPrivileges(stub);
    stub.later(become.filterCall(early));
  }
  becomeUser(stub, command, { user, filtered: late !== undefined });
  stub.later({ name: 'close', args: [root.fd] });
  become.closeStandard(stub);
  const child = haveChild(stub, socket);
  try {
    if (!detached) become.dieWithParent(child);
    // The end of the command's output is for the caller to see. And the stub is there: the child will hear when it
    // ends.
    for (const fd of new Set(streams)) stub.call('close', [fd]);
    hooks.joinCgroups(child.pid);
    become.startSession(child);
    streams.forEach((from, to) => {
      become.duplicateOnto(child, from, to);
    });
    if (command.terminal) takeTerminal(child, 0);
    for (const limit of counted ?? []) become.setLimit(child, limit, explainLimit(limit));
    become.closeOnExecFrom(child, 3);
    executeFirst(child, { args: command.args, env, last: lastCalls(command, user, late) });
    return child.pid;
  } catch (error) {
    throw child.failure ?? error;
  } finally {
    child.close();
  }
}

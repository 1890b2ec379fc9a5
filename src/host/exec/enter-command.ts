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

/** The launcher's part in starting a command. */
export interface EnterHooks {
  /** The instructions of the system call filter. */
  readonly filter: Uint8Array | undefined;
  /** Makes pipes for the command's standard streams. */
  openPipes(): ContainerPipes;
  /** Takes the master of the command's terminal, a descriptor of the stub. */
  takeMaster(master: number): void;
  /** Puts a process into the container's cgroups. */
  joinCgroups(pid: number): void;
}

/**
 * Goes to the working directory. Unlike `run`, exec does not make a missing one, and exits with 127, as docker's does.
 */
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

/** Opens the standard streams: a terminal or pipes, owned by the user, or /dev/null. */
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

/** Forks the stub. It fails with ENOMEM when the first process of the PID namespace has ended. pid_namespaces(7) */
function haveChild(stub: Stub, socket: ChildSocket): Stub {
  try {
    return forkStub(stub, socket);
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOMEM') throw cause;
    throw new TsimgError('CONTAINER_STATE', 'the container has ended', { cause });
  }
}

/**
 * Starts a command as the child of a stub that `enterNamespaces` has moved into the container; returns the command's
 * process ID on the host. The stub itself is not in the PID namespace, its child is. So the stub first does all that
 * needs more rights than the command may have, and drops these rights; only then it forks. The child, which processes
 * of the container can see and trace, has no more rights than the container gives, and no files of the host. One
 * exception: with a user's own filter, the child has SYS_ADMIN until the filter is installed, which must be last, for
 * it may forbid the other calls.
 * @throws COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, HOST_UNSUPPORTED, LAUNCH_FAILED, LIMIT_EXCEEDED, SYSTEM_CALL
 */
export function startCommand(root: StubRoot, plan: ExecPlan, hooks: EnterHooks): number {
  const { stub } = root;
  const { command, detached } = plan;
  const { user, env } = lookUp(root, command, plan.idMap);
  const socket = makeChildSocket(stub);
  const streams = openStreams(root, plan, { user, hooks });
  enterWorkdir(root, command.cwd);
  // The number of processes (nproc) counts the stub too, so that limit is set on the child only.
  const [counted, others] = [true, false].map((is) =>
    command.limits.filter(({ resource }) => (resource === 'nproc') === is),
  );
  become.setLimits(stub, others ?? [], explainLimit);
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
    // The stub closes its copies, so that the caller sees the end of the command's output. The round trip also proves
    // that the stub still runs, so the child's death signal was set in time.
    for (const fd of new Set(streams)) stub.call('close', [fd]);
    hooks.joinCgroups(child.pid);
    become.startSession(child);
    streams.forEach((from, to) => {
      become.duplicateOnto(child, from, to);
    });
    if (command.terminal) takeTerminal(child, 0);
    become.setLimits(child, counted ?? [], explainLimit);
    become.closeOnExecFrom(child, 3);
    executeFirst(child, { args: command.args, env, last: lastCalls(command, user, late) });
    return child.pid;
  } catch (error) {
    throw child.failure ?? error;
  } finally {
    child.close();
  }
}

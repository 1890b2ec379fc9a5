import { commandCandidates } from '../launch/command.ts';
import type { ProcessPlan } from '../launch/plan.ts';
import type { ResolvedUser } from '../launch/user.ts';
import { capabilityMask } from '../linux/capabilities.ts';
import type { ChildCall } from '../sys/child.ts';
import * as calls from '../sys/child-calls.ts';

/** What a command starts with, besides what its plan says. All of it is open or looked up already. */
export interface CommandSurroundings {
  readonly user: ResolvedUser;
  /** With HOME. */
  readonly env: readonly string[];
  /** The working directory. */
  readonly directory: number;
  /** What becomes standard input, output and error; none of them is 0, 1 or 2. */
  readonly streams: readonly number[];
  /** `cgroup.procs` of the cgroups that it joins. */
  readonly cgroups: readonly number[];
  /** A pidfd of a process whose user namespace it joins, where whoever starts it has not. */
  readonly userNamespaceOf: number | undefined;
  /** The system call filter's instructions. */
  readonly filter: Uint8Array | undefined;
  /** It is killed when whoever starts it ends. A space is written here, which must be possible, when that is so. */
  readonly guard: number | undefined;
}

/**
 * The system calls by which a child becomes the command, in the order of becomeCommand (stage-command.ts): what needs
 * privileges first, then the user, then what cannot be taken back, the filter at the very last.
 */
export function commandCalls(command: ProcessPlan, around: CommandSurroundings): readonly ChildCall[] {
  const { user, env, directory, streams, cgroups, userNamespaceOf, filter, guard } = around;
  const bounding = capabilityMask(command.capabilities);
  const final = user.uid === 0 ? bounding : 0n;
  const [program = ''] = command.args;
  return [
    calls.startSession,
    ...streams.map((from, to) => calls.duplicate(from, to)),
    ...(command.terminal ? [calls.takeTerminal(0)] : []),
    calls.enterDirectory(directory),
    ...command.limits.map(({ resource, soft, hard }) => calls.limit(resource, soft, hard)),
    calls.leaveSessionKeyring,
    calls.setUmask(command.umask),
    ...cgroups.map((fd) => calls.writeText(fd, '0')),
    ...(userNamespaceOf === undefined ? [] : [calls.joinUserNamespace(userNamespaceOf)]),
    ...calls.dropBounding(bounding),
    ...(command.setGroups ? [calls.setGroups(user.groups)] : []),
    ...(command.noNewPrivileges ? [] : [calls.keepCapabilities]),
    ...calls.setIds(user.uid, user.gid),
    // Without no_new_privs no filter can be installed but by SYS_ADMIN, which goes after it.
    ...calls.setCapabilities(command.noNewPrivileges ? final : final | capabilityMask(['SYS_ADMIN'])),
    ...(command.noNewPrivileges ? [calls.forbidNewPrivileges] : []),
    ...(guard === undefined ? [] : [calls.dieWithParent, calls.writeText(guard, ' ')]),
    ...calls.resetSignals,
    calls.closeOnExecFrom(3),
    ...(filter === undefined ? [] : [calls.installFilter(filter)]),
    ...(command.noNewPrivileges ? [] : calls.setCapabilities(final)),
    ...calls.executeFirst(commandCandidates(program, env), command.args, env),
  ];
}

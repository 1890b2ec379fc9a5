import type { IdMap, LaunchPlan, Namespace, ProcessPlan, Step } from '../launch-plan.ts';
import { formatCgroups } from './format-cgroups.ts';
import { formatNetwork } from './format-network.ts';
import { formatStep, quote } from './format-step.ts';

/** The content of each namespace in plain words, with unshare(1)'s option for it. */
const NAMESPACES: Readonly<Record<Namespace, { readonly option: string; readonly what: string }>> = {
  mount: { option: '--mount', what: 'mounts' },
  pid: { option: '--pid', what: 'processes' },
  ipc: { option: '--ipc', what: 'message queues' },
  uts: { option: '--uts', what: 'host name' },
  network: { option: '--net', what: 'network devices' },
  time: { option: '--time', what: 'boot time' },
};

const WHY: Readonly<Record<Exclude<Step['do'], 'mount'>, string>> = {
  'private-mounts': 'The host does not see the mounts that follow.',
  hostname: 'The container’s own host name, in the new UTS namespace.',
  'raise-loopback': 'A new network namespace has only a loopback device, which is down.',
  sysctl: 'In the container’s own network, every user may ping and listen on low ports.',
  'cgroup-namespace': 'The container’s cgroup looks like the root of all cgroups.',
  root: 'The new root, as a mount: only a mount can become the root. Device files in it do not work.',
  'host-tree': 'These files show a namespace of the host, so they are the host’s own.',
  directory: 'Mount points in the new /dev.',
  device: 'Devices that every container has: none of them reaches hardware.',
  'host-device': 'Devices of the host, as requested.',
  link: 'The names by which programs find their streams and terminals.',
  bind: 'Files of the host, as requested. Device files among them do not work.',
  file: 'The files by which programs find names, mounted over those of the root filesystem, which stay unchanged.',
  mask: 'Files that describe the host or reach its hardware are hidden (a directory by an empty tmpfs).',
  'read-only': 'Files that would change the host are read-only.',
  'working-directory': 'The command’s working directory, made while the root can still be written.',
  terminal: 'The container’s own terminal: the caller’s terminal never gets in.',
  pivot: 'The new root becomes the root, and the old one is unmounted: no path leads to the host any more.',
  chroot: 'The new root hides the old one, which stays below: less isolation than pivot_root, as requested.',
};

const WHY_MOUNT: ReadonlyMap<string, string> = new Map([
  ['/proc', 'The processes of the container’s PID namespace; ps reads them here.'],
  ['/sys', 'The devices of the container’s network namespace; read-only, unless it is privileged.'],
  ['/sys/fs/cgroup', 'The container’s own cgroup and those below it; read-only, unless it is privileged.'],
  ['/dev', 'An empty /dev in memory, without the host’s devices.'],
  ['/dev/pts', 'The container’s own terminals, numbered from 0.'],
  ['/dev/shm', 'Memory that the container’s processes share.'],
  ['/dev/mqueue', 'POSIX message queues of the container’s IPC namespace.'],
]);

const VOLUME = 'A volume: a directory that tsimg keeps, filled with the image’s files at its first use.';
const UNFILLED = 'A volume: a directory that tsimg keeps, which stays empty at its first use, as requested.';
/** With version 1 of cgroups, also in a privileged container: a tmpfs, and the hierarchies in it. */
const LEGACY_CGROUPS = 'The container’s own cgroups, read-only.';

function whyOf(step: Step): string {
  if (step.do === 'bind' && step.imageVolume) return step.unfilled ? UNFILLED : VOLUME;
  if (step.do !== 'mount') return WHY[step.do];
  if (step.strict && step.type !== 'cgroup2' && step.target.startsWith('/sys/fs/cgroup')) return LEGACY_CGROUPS;
  return WHY_MOUNT.get(step.target) ?? 'An empty file system in memory, as requested.';
}

function explainMap({ uids, gids, by, caller }: IdMap): readonly string[] {
  const words = (extents: IdMap['uids']) =>
    extents.map(({ inside, outside, count }) => `${inside} ${outside} ${count}`).join(' ');
  const written = [`echo ${words(gids)} > /proc/PID/gid_map`, `echo ${words(uids)} > /proc/PID/uid_map`];
  if (by === 'root') {
    const why = '# Root in it is a subordinate ID of root, which has no rights outside.';
    const shown = '# Files on disk keep their IDs: below ROOT, ID-mapped mounts show them with those of the map.';
    return [why, ...written, shown, 'mount --bind -o X-mount.idmap=/proc/PID/ns/user DIRECTORY DIRECTORY'];
  }
  const root = caller === undefined ? 'Root in it is you outside' : 'You are yourself in it';
  const why = `# ${root}; its other users are IDs that /etc/subuid and /etc/subgid give you.`;
  if (by === 'newuidmap') return [why, `newuidmap PID ${words(uids)}`, `newgidmap PID ${words(gids)}`];
  return ['# Root in it is you outside; it has no other users.', 'echo deny > /proc/PID/setgroups', ...written];
}

function explainNamespaces({ namespaces, idMap }: LaunchPlan): readonly string[] {
  const user = ['# A user namespace: its maker is root in it, and may make the other namespaces.', 'unshare --user'];
  const options = namespaces.map((name) => NAMESPACES[name].option).join(' ');
  const what = namespaces.map((name) => NAMESPACES[name].what).join(', ');
  return [
    ...(idMap === undefined ? [] : [...user, ...explainMap(idMap)]),
    `# New namespaces: the container has its own ${what}. It dies when its parent does.`,
    `unshare ${options} --fork --kill-child=KILL`,
  ];
}

function explainCommand(command: ProcessPlan): readonly string[] {
  const { args, env, cwd, user, capabilities, seccomp, umask, limits, noNewPrivileges } = command;
  const bounding = ['-all', ...capabilities.map((name) => `+${name.toLowerCase()}`)].join(',');
  const setpriv = [`--reuid ${quote(user === '' ? '0' : user)}`, '--inh-caps=-all', `--bounding-set=${bounding}`];
  return [
    '# Limits: unless asked otherwise, no core dumps on the host, and as many open files as programs expect.',
    ...limits.map(({ resource, soft, hard }) => `prlimit --${resource}=${soft}:${hard === 'keep' ? '' : hard}`),
    `umask ${umask.toString(8).padStart(4, '0')}`,
    '# The user, as the root filesystem’s own /etc/passwd has it; root keeps only these capabilities.',
    ...(noNewPrivileges ? ['# No program that the command runs (sudo, ping) gains capabilities.'] : []),
    ['setpriv', ...setpriv, ...(noNewPrivileges ? ['--no-new-privs'] : [])].join(' '),
    ...(seccomp === 'unconfined'
      ? []
      : ['# A filter (seccomp) refuses system calls that containers do not need: docker’s default list, or your own.']),
    '# Nothing of the caller’s environment gets in.',
    `cd ${quote(cwd)}`,
    `exec env -i ${[...env, ...args].map(quote).join(' ')}`,
  ];
}

function explainCgroups({ cgroups }: LaunchPlan): readonly string[] {
  if (cgroups.length === 0) return [];
  return [
    '# The container’s own cgroups: limits for all of its processes together. It joins them before its command starts.',
    ...(cgroups.some(({ devices }) => devices !== undefined)
      ? [
          '# One of them has a list of devices: files of any device can be made (m), but only these can be opened (r, w).',
        ]
      : []),
    ...formatCgroups(cgroups),
  ];
}

const WHY_NETWORK: Readonly<Record<LaunchPlan['network']['kind'], string>> = {
  none: '',
  host: '',
  join: 'The network of another container, or an existing one.',
  bridge:
    'A virtual cable from the network namespace to this host’s bridge, an address, and rules for ports and the way out.',
  pasta: 'A process of yours beside the container, which makes its connections to the outside.',
  slirp4netns: 'A process of yours beside the container, which makes its connections to the outside.',
};

function explainNetwork({ network }: LaunchPlan): readonly string[] {
  const commands = formatNetwork(network);
  return commands.length === 0 ? [] : [`# ${WHY_NETWORK[network.kind]}`, ...commands];
}

/**
 * Formats a plan as a lesson: each step as an equivalent command, below a line that says why; steps of one kind share
 * it. The real steps are system calls on descriptors, so that no link in the root filesystem can mislead them.
 */
export function explainPlan(plan: LaunchPlan): string {
  let before = '';
  const steps = plan.steps.flatMap((step) => {
    const why = whyOf(step);
    const repeated = why === before;
    before = why;
    return repeated ? [formatStep(step)] : [`# ${why}`, formatStep(step)];
  });
  return [
    ...explainCgroups(plan),
    ...explainNamespaces(plan),
    ...explainNetwork(plan),
    ...steps,
    ...explainCommand(plan.command),
  ].join('\n');
}

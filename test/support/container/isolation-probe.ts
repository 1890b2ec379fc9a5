import { readlinkSync } from 'node:fs';

/** The facts that a container's process sees about itself and the host, by name. */
export type Probe = ReadonlyMap<string, string>;

const NAMESPACES = ['mnt', 'pid', 'net', 'ipc', 'uts', 'cgroup', 'user', 'time'];
const KERNEL_MOUNTS = ['/', '/proc', '/sys', '/dev', '/dev/pts', '/dev/shm', '/dev/mqueue'];
const HIDDEN = ['acpi', 'asound', 'interrupts', 'kcore', 'keys', 'latency_stats', 'sched_debug', 'scsi', 'timer_list'];
const READ_ONLY = ['bus', 'fs', 'irq', 'sys', 'sysrq-trigger'];

/** A variable of the caller's environment that the container must not have. */
export const SECRET = 'TSIMG_PROBE_SECRET';

/** For the shell of busybox; every part begins with a line `== NAME`. */
export const PROBE_SCRIPT = [
  'echo == status; cat /proc/self/status',
  'echo == mounts; cat /proc/self/mountinfo',
  'echo == dev; ls /dev',
  `echo == kinds; cd /dev; for d in *; do [ ! -h $d ] && [ -c $d ] && stat -c "%n %t:%T" $d; done; cd "$OLDPWD"`,
  `echo == namespaces; for n in ${NAMESPACES.join(' ')}; do echo $n $(/bin/busybox readlink /proc/self/ns/$n); done`,
  `echo == hidden; for f in ${HIDDEN.join(' ')}; do [ -e /proc/$f ] && echo $f $(ls -d /proc/$f/* 2>/dev/null | wc -l) $(head -c 1 /proc/$f 2>/dev/null | wc -c); done`,
  `echo == writable; for f in ${READ_ONLY.join(' ')}; do [ -e /proc/$f ] && ! grep -q " /proc/$f ro" /proc/self/mountinfo && echo $f; done`,
  'echo == limits; ulimit -c; ulimit -n; umask',
  'echo == cwd; pwd',
  `echo == secret; env | grep -c ${SECRET}`,
  'echo == descriptors; ls /proc/self/fd',
].join('\n');

function sectionsOf(output: string): ReadonlyMap<string, readonly string[]> {
  const sections = output.split(/^== /m).slice(1);
  return new Map(
    sections.map((section) => {
      const [name = '', ...lines] = section.trimEnd().split('\n');
      return [name, lines] as const;
    }),
  );
}

function ownNamespaces(lines: readonly string[]): string {
  const own = lines
    .map((line) => line.split(' '))
    .filter(([name = '', link]) => {
      try {
        return link !== undefined && link !== readlinkSync(`/proc/self/ns/${name}`);
      } catch {
        return false;
      }
    });
  return own.map(([name]) => name).join(' ');
}

/** Returns the options of the last mount at each of the places that matter. */
function mountRows(lines: readonly string[]): readonly (readonly [string, string])[] {
  const fields = lines.map((line) => line.split(' '));
  return KERNEL_MOUNTS.map((place) => {
    const options = fields.findLast((each) => each[4] === place)?.[5];
    const words = options?.split(',').filter((word) => !['rw', 'relatime', 'strictatime', 'noatime'].includes(word));
    return [`mount ${place}`, words === undefined ? '(not mounted)' : words.join(',') || 'rw'] as const;
  });
}

/** Parses the output of the script. */
export function parseProbe(output: string): Probe {
  const sections = sectionsOf(output);
  const lines = (name: string) => sections.get(name) ?? [];
  const status = new Map(lines('status').map((line) => [line.split(':')[0], line.split(':')[1]?.trim() ?? '']));
  const field = (name: string) => status.get(name) ?? '';
  const visible = lines('hidden').filter((line) => !/ 0 0$/.test(line));
  const descriptors = lines('descriptors').filter((name) => /^\d+$/.test(name));
  const [core = '', files = '', umask = ''] = lines('limits');
  return new Map([
    ['namespaces of its own', ownNamespaces(lines('namespaces'))],
    ['bounding set', field('CapBnd')],
    ['effective', field('CapEff')],
    ['inheritable', field('CapInh')],
    ['ambient', field('CapAmb')],
    ['no_new_privs', field('NoNewPrivs')],
    ['seccomp', field('Seccomp')],
    ['groups', field('Groups')],
    ['signals ignored', field('SigIgn')],
    ['signals blocked', field('SigBlk')],
    ...mountRows(lines('mounts')),
    ['names in /dev', lines('dev').join(' ')],
    [
      'devices',
      lines('kinds')
        .filter((line) => !line.startsWith('ptmx'))
        .join(', '),
    ],
    ['seen in /proc', visible.map((line) => line.split(' ')[0]).join(' ')],
    ['writable in /proc', lines('writable').join(' ')],
    ['core dumps', core],
    ['open files', files],
    ['umask', umask],
    ['working directory', lines('cwd').join('')],
    ['caller’s environment', lines('secret')[0] === '0' ? 'none' : 'comes in'],
    // The last descriptor is that of ls.
    ['descriptors', descriptors.slice(0, -1).join(' ')],
  ]);
}

import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { messageOf, TsimgError } from '../../errors.ts';
import type { UserNamespaceMode } from '../../launch/plan/id-map.ts';
import type { ImageVolumeMode } from '../../launch/plan/image-volumes.ts';
import type { RunRequest } from '../../launch/plan/run-request.ts';
import { collect } from './parsers.ts';

/** The options of `run` that say how far a container is apart from the host. */
export interface IsolationOptions {
  readonly privileged?: boolean;
  readonly securityOpt: readonly string[];
  readonly device: readonly string[];
  readonly deviceCgroupRule: readonly string[];
  readonly mount: readonly string[];
  readonly imageVolume?: ImageVolumeMode | 'anonymous';
  readonly shmSize?: string;
  readonly ulimit: readonly string[];
  readonly umask?: string;
  readonly groupAdd: readonly string[];
  readonly init?: boolean;
  readonly isolation?: 'pivot' | 'chroot';
  readonly timeNamespace?: boolean;
  readonly userns?: UserNamespaceMode;
  readonly ipc?: 'private' | 'host';
  readonly pid?: 'private' | 'host';
  readonly uts?: 'private' | 'host';
}

function namespace(flag: string, what: string): Option {
  return new Option(`${flag} <mode>`, what).choices(['private', 'host']).default('private');
}

/** Adds them. */
export function withIsolation(command: Command): Command {
  return command
    .optionsGroup('Files:')
    .option(
      '--mount <fields>',
      'mount: type=bind,source=PATH,target=PATH[,readonly] or type=tmpfs,target=PATH',
      collect,
      [],
    )
    .addOption(
      new Option(
        '--image-volume <mode>',
        'volumes that the image names: a directory of the container’s own for each (bind), memory, or nothing',
      ).choices(['bind', 'anonymous', 'tmpfs', 'ignore']),
    )
    .option('--shm-size <size>', 'the size of /dev/shm (default: 64m)')
    .optionsGroup('Command:')
    .option('--group-add <group>', 'one more group: a name or a number', collect, [])
    .option('--umask <octal>', 'the umask (default: 0022)')
    .option('--init', 'an init as process 1, which reaps and passes signals on (catatonit or tini of the host)')
    .optionsGroup('Limits:')
    .option('--ulimit <name=soft[:hard]>', 'a limit, such as nofile=4096; -1 is none', collect, [])
    .optionsGroup('Isolation:')
    .option(
      '--device <host[:container[:access]]>',
      'a device of the host, or all in a directory; access is letters of rwm (read, write, mknod)',
      collect,
      [],
    )
    .option(
      '--device-cgroup-rule <rule>',
      "devices that may be used if the container has or makes a file for them, such as 'c 189:* rwm'",
      collect,
      [],
    )
    .option('--privileged', 'all capabilities and devices; nothing is hidden, read-only or filtered')
    .option(
      '--security-opt <option>',
      'no-new-privileges[=false], seccomp=FILE or seccomp=unconfined, systempaths=unconfined',
      collect,
      [],
    )
    .addOption(
      new Option('--isolation <how>', 'pivot_root, or chroot alone where that is refused').choices(['pivot', 'chroot']),
    )
    .option('--time-namespace', 'a time namespace of its own')
    .addOption(
      new Option(
        '--userns <mode>',
        'host; auto: for root too, a user namespace of its own, in which root is nobody outside; keep-id: for other users, the caller’s IDs are the same inside',
      ).choices(['host', 'auto', 'keep-id']),
    )
    .addOption(namespace('--ipc', 'message queues and shared memory of its own, or the host’s'))
    .addOption(namespace('--pid', 'processes of its own, or the host’s'))
    .addOption(namespace('--uts', 'a host name of its own, or the host’s'));
}

async function readProfile(path: string) {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new TsimgError('USAGE', 'the seccomp profile cannot be read', { where: path, why: messageOf(cause), cause });
  }
  const { parseSeccompProfile } = await import('../../linux/seccomp/seccomp-profile.ts');
  return parseSeccompProfile(text, path);
}

type SecurityRequest = Pick<RunRequest, 'noNewPrivileges' | 'seccomp' | 'unmask'>;

/** One `--security-opt`; docker writes `name=value`, and older callers `name:value`. @throws USAGE, DOCUMENT_INVALID */
async function parseSecurityOption(text: string): Promise<SecurityRequest> {
  const [, name = text, value] = /^([a-z-]+)[=:](.*)$/.exec(text) ?? [];
  switch (name) {
    case 'no-new-privileges':
      if (value === undefined || value === 'true') return { noNewPrivileges: true };
      if (value === 'false') return { noNewPrivileges: false };
      break;
    case 'seccomp':
      if (value === undefined || value === '') break;
      return { seccomp: value === 'unconfined' ? value : await readProfile(value) };
    case 'systempaths':
      if (value === 'unconfined') return { unmask: true };
      break;
    case 'apparmor':
      // What these ask for is how it is: tsimg sets no such label.
      if (value === 'unconfined') return {};
      break;
    case 'label':
      if (value === 'disable') return {};
  }
  throw new TsimgError('USAGE', 'not a security option', {
    where: `--security-opt ${text}`,
    hint: 'no-new-privileges[=false], seccomp=FILE, seccomp=unconfined or systempaths=unconfined',
  });
}

/** The request of these options; files that they name are read. @throws USAGE, DOCUMENT_INVALID */
export async function isolationRequest(options: IsolationOptions) {
  const security = await Promise.all(options.securityOpt.map(parseSecurityOption));
  return {
    privileged: options.privileged,
    devices: options.device,
    deviceRules: options.deviceCgroupRule,
    mounts: options.mount,
    // podman has two names for it.
    imageVolume: options.imageVolume === 'anonymous' ? 'bind' : options.imageVolume,
    shmSize: options.shmSize,
    ulimits: options.ulimit,
    umask: options.umask,
    groupAdd: options.groupAdd,
    init: options.init,
    isolation: options.isolation,
    timeNamespace: options.timeNamespace,
    userns: options.userns,
    ipc: options.ipc,
    pid: options.pid,
    uts: options.uts,
    ...Object.fromEntries(security.flatMap((each) => Object.entries(each))),
  } satisfies Partial<RunRequest>;
}

import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { messageOf, TsimgError } from '../../errors.ts';
import type { UserNamespaceMode } from '../../launch/plan/id-map.ts';
import type { ImageVolumeMode } from '../../launch/plan/image-volumes.ts';
import type { RunRequest } from '../../launch/plan/run-request.ts';
import { collect } from './parsers.ts';

/** The options of `run` about the isolation of a container, as commander names them. */
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

/** Adds the options about the isolation of a container: docker's, and some of podman's and ours. */
export function withIsolation(command: Command): Command {
  return command
    .optionsGroup('Files:')
    .option(
      '--mount <fields>',
      'a mount: type=bind,source=PATH,target=PATH, type=volume,source=NAME,target=PATH, or type=tmpfs,target=PATH; readonly and volume-nocopy can follow',
      collect,
      [],
    )
    .addOption(
      new Option(
        '--image-volume <mode>',
        'the volumes of the image: directories of the container (bind, anonymous), memory (tmpfs) or none (ignore) ' +
          '(default: bind)',
      ).choices(['bind', 'anonymous', 'tmpfs', 'ignore']),
    )
    .option('--shm-size <size>', 'the size of /dev/shm (default: 64m)')
    .optionsGroup('Command:')
    .option('--group-add <group>', 'add a group, by name or number', collect, [])
    .option('--umask <octal>', 'the umask of the command (default: 0022)')
    .option(
      '--init',
      'run an init as process 1, which reaps processes and passes signals on (catatonit or tini of the host)',
    )
    .optionsGroup('Limits:')
    .option('--ulimit <name=soft[:hard]>', 'a limit, such as nofile=4096; -1 for no limit', collect, [])
    .optionsGroup('Isolation:')
    .option(
      '--device <host[:container[:access]]>',
      'a device of the host, or all devices in a directory; access is letters of rwm, for read, write and mknod ' +
        '(default: rwm)',
      collect,
      [],
    )
    .option(
      '--device-cgroup-rule <rule>',
      "allow devices that the container has or makes a file for, such as 'c 189:* rwm'",
      collect,
      [],
    )
    .option('--privileged', 'give all capabilities and devices; nothing is hidden, read-only or filtered')
    .option(
      '--security-opt <option>',
      'no-new-privileges[=false], seccomp=FILE or seccomp=unconfined, systempaths=unconfined',
      collect,
      [],
    )
    .addOption(
      new Option(
        '--isolation <how>',
        'change the root by pivot_root, or only by chroot, on hosts that refuse pivot_root (default: pivot)',
      ).choices(['pivot', 'chroot']),
    )
    .option('--time-namespace', 'give the container a time namespace of its own')
    .addOption(
      new Option(
        '--userns <mode>',
        'the user namespace: the host’s (host; for ordinary users one of their own), one in which root is nobody on ' +
          'the host (auto), or, for ordinary users, one in which the caller keeps its IDs (keep-id) (default: host)',
      ).choices(['host', 'auto', 'keep-id']),
    )
    .addOption(namespace('--ipc', 'message queues and shared memory: of the container, or of the host'))
    .addOption(namespace('--pid', 'the processes to see: of the container, or of the host'))
    .addOption(namespace('--uts', 'the host name: of the container, or of the host'));
}

async function readProfile(path: string) {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new TsimgError('USAGE', 'the seccomp profile cannot be read', {
      where: path,
      why: messageOf(cause),
      hint: '--security-opt seccomp= takes a JSON file, or unconfined',
      cause,
    });
  }
  const { parseSeccompProfile } = await import('../../linux/seccomp/seccomp-profile.ts');
  return parseSeccompProfile(text, path);
}

type SecurityRequest = Pick<RunRequest, 'noNewPrivileges' | 'seccomp' | 'unmask'>;

/**
 * Parses one `--security-opt`. docker writes `name=value`, in old versions `name:value`.
 * @throws USAGE, DOCUMENT_INVALID
 */
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
      // tsimg sets no labels, so these two options change nothing.
      if (value === 'unconfined') return {};
      break;
    case 'label':
      if (value === 'disable') return {};
  }
  throw new TsimgError('USAGE', 'not a security option', {
    where: `--security-opt ${text}`,
    hint: 'use no-new-privileges[=false], seccomp=FILE, seccomp=unconfined or systempaths=unconfined',
  });
}

/** Returns the request of these options. Files that they name are read. @throws USAGE, DOCUMENT_INVALID */
export async function isolationRequest(options: IsolationOptions) {
  const security = await Promise.all(options.securityOpt.map(parseSecurityOption));
  return {
    privileged: options.privileged,
    devices: options.device,
    deviceRules: options.deviceCgroupRule,
    mounts: options.mount,
    // podman has two names for one mode.
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

import { TsimgError } from '../errors.ts';

/** Capability names in the order of their numbers, from 0. capabilities(7), linux/capability.h. */
export const CAPABILITY_NAMES = [
  'CHOWN',
  'DAC_OVERRIDE',
  'DAC_READ_SEARCH',
  'FOWNER',
  'FSETID',
  'KILL',
  'SETGID',
  'SETUID',
  'SETPCAP',
  'LINUX_IMMUTABLE',
  'NET_BIND_SERVICE',
  'NET_BROADCAST',
  'NET_ADMIN',
  'NET_RAW',
  'IPC_LOCK',
  'IPC_OWNER',
  'SYS_MODULE',
  'SYS_RAWIO',
  'SYS_CHROOT',
  'SYS_PTRACE',
  'SYS_PACCT',
  'SYS_ADMIN',
  'SYS_BOOT',
  'SYS_NICE',
  'SYS_RESOURCE',
  'SYS_TIME',
  'SYS_TTY_CONFIG',
  'MKNOD',
  'LEASE',
  'AUDIT_WRITE',
  'AUDIT_CONTROL',
  'SETFCAP',
  'MAC_OVERRIDE',
  'MAC_ADMIN',
  'SYSLOG',
  'WAKE_ALARM',
  'BLOCK_SUSPEND',
  'AUDIT_READ',
  'PERFMON',
  'BPF',
  'CHECKPOINT_RESTORE',
] as const;

export type Capability = (typeof CAPABILITY_NAMES)[number];

/**
 * The default bounding set of a container: podman's eleven, which are docker's without MKNOD, NET_RAW and AUDIT_WRITE.
 */
export const DEFAULT_CAPABILITIES: readonly Capability[] = [
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'SETGID',
  'SETUID',
  'SETPCAP',
  'NET_BIND_SERVICE',
  'SYS_CHROOT',
  'SETFCAP',
];

/** Returns the number of a capability. */
function capabilityNumber(capability: Capability): number {
  return CAPABILITY_NAMES.indexOf(capability);
}

/** Returns the mask of a set of capabilities, as in /proc/PID/status: bit n is capability n. */
export function capabilityMask(capabilities: readonly Capability[]): bigint {
  return capabilities.reduce((mask, each) => mask | (1n << BigInt(capabilityNumber(each))), 0n);
}

/** Parses `NET_ADMIN`, `net_admin` or `CAP_NET_ADMIN`. @throws USAGE */
export function parseCapability(text: string): Capability {
  const upper = text.toUpperCase().replace(/^CAP_/, '');
  const found = CAPABILITY_NAMES.find((name) => name === upper);
  if (found !== undefined) return found;
  throw new TsimgError('USAGE', 'no such capability', {
    where: text,
    hint: 'capabilities(7) lists them, such as NET_ADMIN',
  });
}

/** Applies `--cap-drop` and `--cap-add` to the defaults; `ALL` stands for every capability. @throws USAGE */
export function chooseCapabilities(add: readonly string[], drop: readonly string[]): readonly Capability[] {
  const isAll = (text: string) => text.toUpperCase() === 'ALL';
  const added = add.filter((text) => !isAll(text)).map(parseCapability);
  const dropped = drop.filter((text) => !isAll(text)).map(parseCapability);
  const base: readonly Capability[] = drop.some(isAll) ? [] : add.some(isAll) ? CAPABILITY_NAMES : DEFAULT_CAPABILITIES;
  return CAPABILITY_NAMES.filter((name) => added.includes(name) || (base.includes(name) && !dropped.includes(name)));
}

import { TsimgError } from '../../errors.ts';
import type { Capability } from '../../linux/capabilities.ts';
import type { DeviceRule } from '../../linux/device/device-rule.ts';

/** The devices that a container may use: all others are denied to it, whatever its capabilities. */
export interface DeviceList {
  readonly rules: readonly DeviceRule[];
  /** Further devices of the host, or all devices of a directory: their numbers are looked up when the list is set. */
  readonly hosts: readonly { readonly source: string; readonly access: string }[];
  /** The option that cannot be granted without the list. Absent: the list is set only where the host permits it. */
  readonly neededBy?: string | undefined;
}

/** A device file of the host. */
export interface HostDevice extends Pick<DeviceRule, 'kind'> {
  readonly path: string;
  readonly major: number;
  readonly minor: number;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * The capabilities that let root open any device that no list denies: by making a file for it, or by mounting the
 * host's /dev (devtmpfs). In a user namespace they permit neither.
 */
const OPENING: readonly Capability[] = ['MKNOD', 'SYS_ADMIN'];

/** Returns the first capability that needs a list of devices; undefined where there is none. */
export function openingCapability(capabilities: readonly Capability[]): Capability | undefined {
  return OPENING.find((name) => capabilities.includes(name));
}

/** The error for a file of the host that is requested as a device. */
export function notADevice(path: string): TsimgError {
  return new TsimgError('LAUNCH_FAILED', 'not a device', {
    where: path,
    why: 'it is neither a device file nor a directory',
    hint: 'ls -l shows which devices the host has; -v mounts other files',
    facts: { asked: true },
  });
}

/** The error for an option that needs a list of devices, on a host where none can be set. */
export function refuseWithoutList(option: string, why: string, cause?: unknown): TsimgError {
  const hint = option.startsWith('--device')
    ? 'allow the device to be read and written (rw), or run it as root where cgroups can be made'
    : 'let tsimg make cgroups on this host, use --userns auto, or say --privileged if it may use all devices';
  return new TsimgError('HOST_UNSUPPORTED', 'no list of devices can be set', {
    where: option,
    why: option.startsWith('--device') ? why : `${why}; with it, the container could open every disk of the host`,
    hint,
    cause,
  });
}

import { TsimgError } from '../../errors.ts';
import type { Capability } from '../../linux/capabilities.ts';
import type { DeviceRule } from '../../linux/device/device-rule.ts';

/** Which devices a container may use: everything else is denied to it, whatever capabilities it has. */
export interface DeviceList {
  readonly rules: readonly DeviceRule[];
  /**
   * Devices of the host, or all in a directory, that are allowed besides: their numbers are looked up when the list is
   * set.
   */
  readonly hosts: readonly { readonly source: string; readonly access: string }[];
  /** The option that is not to be had without the list: absent where it is set if it can be. */
  readonly neededBy?: string | undefined;
}

/** A device file of the host. */
export interface HostDevice extends Pick<DeviceRule, 'kind'> {
  readonly path: string;
  readonly major: number;
  readonly minor: number;
  /** Permission bits alone. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * The capabilities by which root opens any device of the host that no list denies: to make a file for it, or to mount
 * the host's /dev (devtmpfs). In a user namespace they give neither.
 */
const OPENING: readonly Capability[] = ['MKNOD', 'SYS_ADMIN'];

/** The first of them, which stands for all that need a list of devices; undefined where there is none. */
export function openingCapability(capabilities: readonly Capability[]): Capability | undefined {
  return OPENING.find((name) => capabilities.includes(name));
}

/** An option that needs a list of devices, where none can be had. */
export function refuseWithoutList(option: string, why: string, cause?: unknown): TsimgError {
  const hint = option.startsWith('--device')
    ? 'allow the device to be read and written (rw), or run it as root where cgroups can be made'
    : 'mount the cgroups of this host and let tsimg make some, use --userns auto, or say --privileged if it may use all devices';
  return new TsimgError('HOST_UNSUPPORTED', 'no list of devices can be set', {
    where: option,
    why: option.startsWith('--device') ? why : `${why}; with it, the container could open every disk of the host`,
    hint,
    cause,
  });
}

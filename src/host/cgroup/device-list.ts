import { lstatSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, TsimgError } from '../../errors.ts';
import { type DeviceList, type HostDevice, notADevice, refuseWithoutList } from '../../launch/limits/device-list.ts';
import { splitDevice } from '../../linux/device/device.ts';
import { compileDeviceProgram } from '../../linux/device/device-program.ts';
import { type DeviceRule, formatDeviceRule, mergeDeviceRules } from '../../linux/device/device-rule.ts';
import { attachDeviceProgram } from '../../sys/attach-device-program.ts';

/** The deepest folder that is searched for devices. */
const MAX_DEPTH = 8;

function devicesBelow(path: string, depth: number): readonly HostDevice[] {
  // The path itself may be a link, as those in /dev/disk are. Links inside of a folder are not followed.
  const status = (depth === 0 ? statSync : lstatSync)(path, { bigint: true });
  if (status.isDirectory() && depth <= MAX_DEPTH) {
    return readdirSync(path).flatMap((name) => devicesBelow(join(path, name), depth + 1));
  }
  if (!status.isBlockDevice() && !status.isCharacterDevice()) {
    if (depth > 0) return [];
    throw notADevice(path);
  }
  const { uid, gid, mode } = status;
  return [
    {
      path,
      kind: status.isBlockDevice() ? 'block' : 'character',
      ...splitDevice(status.rdev),
      mode: Number(mode & 0o777n),
      uid: Number(uid),
      gid: Number(gid),
    },
  ];
}

/**
 * Finds a device of the host, or all devices below a folder.
 * @throws LAUNCH_FAILED where the path is neither, or cannot be read
 */
export function findDevices(source: string): readonly HostDevice[] {
  try {
    return devicesBelow(source, 0);
  } catch (cause) {
    if (cause instanceof TsimgError) throw cause;
    throw new TsimgError('LAUNCH_FAILED', 'the device cannot be read', {
      where: source,
      why: errnoOf(cause) ?? 'unknown',
      hint: 'ls -l shows which devices the host has',
      facts: { asked: true },
      cause,
    });
  }
}

/**
 * Sets the list in version 1: `devices.deny` removes all, `devices.allow` adds one rule at a time.
 * cgroup-v1/devices.rst
 */
function writeList(directory: string, rules: readonly DeviceRule[], asked: readonly DeviceRule[]): void {
  writeFileSync(join(directory, 'devices.deny'), 'a');
  const required = new Set(asked.map(formatDeviceRule));
  for (const rule of mergeDeviceRules([...rules, ...asked]).map(formatDeviceRule)) {
    try {
      writeFileSync(join(directory, 'devices.allow'), rule);
    } catch (cause) {
      // If the parent cgroup allows fewer devices, the container's does too. That is an error only for a requested
      // device.
      if (errnoOf(cause) !== 'EPERM') throw cause;
      if (!required.has(rule)) continue;
      throw new TsimgError('LAUNCH_FAILED', 'the container cannot have the device', {
        where: rule,
        why: 'tsimg’s own cgroup may not use it',
        hint: 'if tsimg runs in a container or service, give that one the device',
        facts: { asked: true },
        cause,
      });
    }
  }
}

function refusalOf(version: 1 | 2, errno: string): string {
  if (version === 1) return 'the list of its cgroup cannot be written to';
  const isUnknown = errno === 'EINVAL' || errno === 'ENOSYS';
  return isUnknown
    ? 'this kernel has no device programs for cgroups (CONFIG_CGROUP_BPF)'
    : 'a device program (bpf) is refused to this process, by a filter around it or for lack of rights';
}

/**
 * Denies a cgroup and its children all devices that are not on the list. Returns false where the host cannot do that
 * and the list is optional. @throws HOST_UNSUPPORTED where the list is required, LAUNCH_FAILED for a path that is no
 * device
 */
export function setDeviceList(version: 1 | 2, directory: string, list: DeviceList): boolean {
  const asked = list.hosts.flatMap(({ source, access }) =>
    findDevices(source).map(({ kind, major, minor }): DeviceRule => ({ kind, major, minor, access })),
  );
  try {
    if (version === 1) writeList(directory, list.rules, asked);
    else attachDeviceProgram(directory, compileDeviceProgram([...list.rules, ...asked]));
    return true;
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === undefined) throw cause;
    if (list.neededBy === undefined) return false;
    throw refuseWithoutList(list.neededBy, refusalOf(version, errno), cause);
  }
}

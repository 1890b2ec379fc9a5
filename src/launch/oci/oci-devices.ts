import { DEFAULT_DEVICE_RULES, type DeviceRule, mergeDeviceRules } from '../../linux/device/device-rule.ts';
import type { LaunchPlan } from '../launch-plan.ts';
import type { HostDevice } from '../limits/device-list.ts';

/** A device of the host, with its place in the container. */
export interface PlacedDevice extends HostDevice {
  readonly target: string;
  readonly access: string;
}

const TYPES = { block: 'b', character: 'c' } as const;

function allow({ kind, major, minor, access }: DeviceRule) {
  const numbers = { ...(major !== 'any' && { major }), ...(minor !== 'any' && { minor }) };
  return { allow: true, type: TYPES[kind], ...numbers, access };
}

/**
 * Makes `linux.resources.devices` as docker does: all devices are denied, then those of the rules are allowed.
 * runtime-spec, config-linux.md.
 */
export function ociDeviceRules(rules: readonly DeviceRule[] = DEFAULT_DEVICE_RULES): readonly object[] {
  return [{ allow: false, access: 'rwm' }, ...mergeDeviceRules(rules).map(allow)];
}

/** The same for a plan, with its devices for `linux.devices`. */
export function ociDevices({ cgroups, mayUseAllDevices }: LaunchPlan, placed: readonly PlacedDevice[]) {
  const list = cgroups.flatMap(({ devices }) => (devices === undefined ? [] : [devices]))[0];
  const own = placed.map(({ kind, major, minor, access }): DeviceRule => ({ kind, major, minor, access }));
  const devices = placed.map(({ target, kind, major, minor, mode, uid, gid }) => ({
    path: target,
    type: TYPES[kind],
    major,
    minor,
    fileMode: mode,
    uid,
    gid,
  }));
  return {
    rules: mayUseAllDevices
      ? [{ allow: true, access: 'rwm' }]
      : ociDeviceRules([...(list?.rules ?? DEFAULT_DEVICE_RULES), ...own]),
    devices,
  };
}

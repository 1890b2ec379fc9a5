import { DEFAULT_DEVICE_RULES, type DeviceRule, mergeDeviceRules } from '../../linux/device/device-rule.ts';
import type { LaunchPlan } from '../launch-plan.ts';
import type { HostDevice } from '../limits/device-list.ts';

/** One device of a configuration, with the place where a container has it. */
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
 * `linux.resources.devices` of docker's: all is denied, then what the rules name is allowed. runtime-spec,
 * config-linux.md.
 */
export function ociDeviceRules(rules: readonly DeviceRule[] = DEFAULT_DEVICE_RULES): readonly object[] {
  return [{ allow: false, access: 'rwm' }, ...mergeDeviceRules(rules).map(allow)];
}

/** The same for a plan, and its own devices in `linux.devices`. */
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

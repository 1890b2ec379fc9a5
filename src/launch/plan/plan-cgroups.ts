import type { Capability } from '../../linux/capabilities.ts';
import { DEFAULT_DEVICE_RULES, parseDeviceRules } from '../../linux/device/device-rule.ts';
import type { HostFacts } from '../facts/host-facts.ts';
import type { IdMap } from '../launch-plan.ts';
import { type DeviceList, openingCapability, refuseWithoutList } from '../limits/device-list.ts';
import { type CgroupPlan, planLimits } from '../limits/limits.ts';
import type { HostDeviceStep } from '../options/devices.ts';
import type { RunRequest } from './run-request.ts';

/** The decisions that the list of devices depends on. */
export interface DeviceParts {
  readonly idMap: IdMap | undefined;
  readonly capabilities: readonly Capability[];
  readonly devices: readonly HostDeviceStep[];
}

/** The option that cannot be granted, or would not be true, without a list of devices. */
function neededBy({ capabilities, devices }: DeviceParts, isMapped: boolean): string | undefined {
  const opening = isMapped ? undefined : openingCapability(capabilities);
  if (opening !== undefined) return `--cap-add ${opening}`;
  const limited = devices.find(({ access }) => !access.includes('r') || !access.includes('w'));
  return limited && `--device ${limited.source}:${limited.access}`;
}

/**
 * Plans the list of devices; undefined where there is none: a privileged container may use all devices, and in a user
 * namespace of an ordinary user no process can make or open more than that user. @throws USAGE, HOST_UNSUPPORTED
 */
function planDeviceList(
  request: RunRequest,
  { canMount, nestedUserNamespace }: HostFacts,
  parts: DeviceParts,
): DeviceList | undefined {
  const { idMap, devices } = parts;
  const asked = (request.deviceRules ?? []).flatMap(parseDeviceRules);
  if (request.privileged) return undefined;
  const isMapped = idMap !== undefined || nestedUserNamespace === true;
  const option = neededBy(parts, isMapped);
  if (!canMount || nestedUserNamespace) {
    if (option !== undefined)
      throw refuseWithoutList(option, 'only root can hold a container to less than read and write');
    return undefined;
  }
  return {
    rules: [...DEFAULT_DEVICE_RULES, ...asked],
    hosts: devices.map(({ source, access }) => ({ source, access })),
    ...(option !== undefined && { neededBy: option }),
  };
}

/**
 * The option with which a container must not be in the root cgroup of a hierarchy: root with SYS_ADMIN could mount the
 * hierarchy and set `release_agent`.
 */
function apartBy(
  { privileged }: RunRequest,
  { canMount, nestedUserNamespace }: HostFacts,
  { idMap, capabilities }: DeviceParts,
): string | undefined {
  const isRoot = canMount && !nestedUserNamespace && idMap === undefined;
  return isRoot && !privileged && capabilities.includes('SYS_ADMIN') ? '--cap-add SYS_ADMIN' : undefined;
}

/** Plans the container's cgroups: its limits and its list of devices. @throws USAGE, HOST_UNSUPPORTED */
export function planCgroups(
  request: RunRequest,
  facts: HostFacts,
  parts: DeviceParts & { readonly id: string },
): readonly CgroupPlan[] {
  return planLimits(request.resources ?? {}, facts.cgroups, {
    id: parts.id,
    devices: planDeviceList(request, facts, parts),
    apartBy: apartBy(request, facts, parts),
    joinAll: facts.canMount,
  });
}

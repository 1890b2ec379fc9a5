import type { Capability } from '../../linux/capabilities.ts';
import { DEFAULT_DEVICE_RULES, parseDeviceRules } from '../../linux/device/device-rule.ts';
import type { HostFacts } from '../facts/host-facts.ts';
import type { IdMap } from '../launch-plan.ts';
import { type DeviceList, openingCapability, refuseWithoutList } from '../limits/device-list.ts';
import type { HostDeviceStep } from '../options/devices.ts';
import type { RunRequest } from './run-request.ts';

/** What is asked for that must not be had, or is not true, without a list of devices. */
function neededBy(capabilities: readonly Capability[], devices: readonly HostDeviceStep[], isMapped: boolean) {
  const opening = isMapped ? undefined : openingCapability(capabilities);
  if (opening !== undefined) return `--cap-add ${opening}`;
  const limited = devices.find(({ access }) => !access.includes('r') || !access.includes('w'));
  return limited && `--device ${limited.source}:${limited.access}`;
}

/**
 * The list for a container; undefined where there is none: a privileged one may use all devices, and in a user namespace of an
 * ordinary user nobody can make or open more than that user can. @throws USAGE, HOST_UNSUPPORTED
 */
export function planDeviceList(
  request: Pick<RunRequest, 'privileged' | 'deviceRules'>,
  { canMount, nestedUserNamespace }: HostFacts,
  idMap: IdMap | undefined,
  { capabilities, devices }: { capabilities: readonly Capability[]; devices: readonly HostDeviceStep[] },
): DeviceList | undefined {
  const asked = (request.deviceRules ?? []).flatMap(parseDeviceRules);
  if (request.privileged) return undefined;
  const isMapped = idMap !== undefined || nestedUserNamespace === true;
  const option = neededBy(capabilities, devices, isMapped);
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

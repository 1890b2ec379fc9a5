import { formatDeviceRule, mergeDeviceRules } from '../../linux/device/device-rule.ts';
import { type CgroupPlan, cgroupDirectory, processDirectory } from '../limits/limits.ts';
import { quote } from './format-step.ts';

/**
 * Formats the list of devices: the lines that version 1 takes; for version 2 the attachment of an equivalent program
 * (bpf).
 */
function formatDevices(plan: CgroupPlan): readonly string[] {
  const { devices, version } = plan;
  if (devices === undefined) return [];
  const directory = quote(cgroupDirectory(plan));
  const rules = mergeDeviceRules(devices.rules).map(formatDeviceRule);
  const hosts = devices.hosts.map(({ source, access }) => `${source} ${access}`);
  if (version === 2) {
    const allowed = [...rules, ...hosts].join(', ');
    return [`bpftool cgroup attach ${directory} device pinned DEVICES multi # allows ${allowed}`];
  }
  return [
    `echo a > ${directory}/devices.deny`,
    ...[...rules, ...hosts].map((rule) => `echo ${quote(rule)} > ${directory}/devices.allow`),
  ];
}

/** Formats a container's cgroups as the commands that make them and set their limits. */
export function formatCgroups(cgroups: readonly CgroupPlan[]): readonly string[] {
  return cgroups.flatMap((plan) => {
    const directory = quote(processDirectory(plan));
    const set = plan.limits.map(
      ({ choices: [first], device }) =>
        `echo ${quote(`${device === undefined ? '' : `${device} `}${first?.value}`)} > ${directory}/${first?.name}`,
    );
    if (plan.devices === undefined) return [`mkdir -p ${directory}`, ...set];
    // The list is set before the cgroup has children.
    return [`mkdir -p ${quote(cgroupDirectory(plan))}`, ...formatDevices(plan), `mkdir ${directory}`, ...set];
  });
}

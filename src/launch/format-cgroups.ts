import { quote } from './format-step.ts';
import { CGROUP_FOLDER, type CgroupPlan } from './limits.ts';

/** A container's cgroups, as the commands that make them and set their limits. */
export function formatCgroups(cgroups: readonly CgroupPlan[]): readonly string[] {
  return cgroups.flatMap(({ base, id, limits }) => {
    const directory = quote(`${base}/${CGROUP_FOLDER}/${id}`);
    const set = limits.map(
      ({ choices: [first], device }) =>
        `echo ${quote(`${device === undefined ? '' : `${device} `}${first?.value}`)} > ${directory}/${first?.name}`,
    );
    return [`mkdir -p ${directory}`, ...set];
  });
}

import type { ExecPlan } from '../plan/plan-exec.ts';
import { formatCommand } from './format-plan.ts';
import { quote } from './format-step.ts';

/** Formats the plan of an `exec`, a line for each step. */
export function formatExecPlan({ namespaces, cgroups, command, detached, toolbox }: ExecPlan): string {
  return [
    ...(toolbox === undefined
      ? []
      : [
          `mount the toolbox (${toolbox.root.kind}) on ROOT`,
          ...toolbox.shown.map(({ from, to }) => `mount --rbind ${quote(`CONTAINER${from}`)} ${quote(`ROOT${to}`)}`),
          ...toolbox.copied.map((path) => `cat ${quote(`CONTAINER${path}`)} > ${quote(`ROOT${path}`)}`),
          'pivot_root ROOT',
        ]),
    `join namespaces ${namespaces.filter((name) => name !== 'mount' || toolbox === undefined).join(' ')}`,
    ...cgroups.map(({ directory }) => `join cgroup ${quote(directory)}`),
    ...(command.terminal ? ['open a terminal on ROOT/dev/pts'] : []),
    ...(detached ? ['go on in the background'] : []),
    ...formatCommand(command),
  ].join('\n');
}

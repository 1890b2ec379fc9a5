import type { FoundContainer } from '../host/state/container.ts';

/** A container as a list shows it. */
export interface ListedContainer {
  readonly id: string;
  readonly name: string;
  /** The image as it was asked for, or the root filesystem's directory. */
  readonly image: string;
  readonly command: readonly string[];
  /** RFC 3339. */
  readonly created: string;
  readonly status: FoundContainer['state']['status'];
  readonly exitCode: number | undefined;
  readonly oomKilled: boolean;
  readonly startedAt: string | undefined;
  readonly finishedAt: string | undefined;
  /** Host PID of process 1, while it runs. */
  readonly pid: number | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

/** A found container → what a list shows of it. */
export function listed({ record, state }: FoundContainer): ListedContainer {
  const { id, name, image, root, plan, created, labels } = record;
  return {
    id,
    name,
    image: image?.name ?? (root.kind === 'directory' ? root.path : root.directory),
    command: plan.command.args,
    created,
    status: state.status,
    exitCode: state.status === 'running' ? undefined : state.exitCode,
    oomKilled: state.oomKilled ?? false,
    startedAt: state.startedAt,
    finishedAt: state.finishedAt,
    pid: state.status === 'running' ? state.process?.pid : undefined,
    labels,
  };
}

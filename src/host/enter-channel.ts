import type { ExecPlan } from '../launch/plan-exec.ts';
import type { PortableError } from './portable-error.ts';

/** Descriptors of the stage that enters a container. Up to the streams they are those of channel.ts. */
export const ENTER_DESCRIPTOR = {
  /** A pidfd of the container's first process. */
  container: 8,
  /** Its root directory. */
  root: 9,
  /** The `cgroup.procs` of each of its cgroups, then what only nsenter needs. */
  others: 10,
} as const;

/** What the stage is told, as its first line. */
export interface EnterOrders {
  readonly plan: ExecPlan;
  /** Descriptors of the `cgroup.procs` to join by. */
  readonly cgroups: readonly number[];
  /** The system call filter's instructions in base64; absent where there is none. */
  readonly filter?: string | undefined;
}

/** After `terminal` and `running` the stage waits for a line: what it named was fetched. */
export type EnterMessage =
  /** The terminal's master, as a descriptor of the stage. */
  | { readonly kind: 'terminal'; readonly fd: number }
  /** The command runs: its process ID as the host sees it. */
  | { readonly kind: 'running'; readonly pid: number }
  /** It has ended: its exit status, as a shell would tell it. */
  | { readonly kind: 'ended'; readonly status: number }
  | { readonly kind: 'error'; readonly error: PortableError };

import type { LaunchPlan } from '../launch/plan.ts';
import type { PortableError } from './portable-error.ts';

/** Descriptors of the stage. The tools before it (unshare, sh) hold them too, so the end of a launch is told, never an end of file. */
export const DESCRIPTOR = {
  /** Of the tools and of Node: what they complain of. */
  complaints: 2,
  /** To the stage: a line that lets the tools go on, the plan as a line, a line that the terminal was fetched. */
  control: 3,
  /** From the stage: a message a line. */
  status: 4,
  /** The container's standard streams, which become 0, 1 and 2 at the end. */
  stdin: 5,
  stdout: 6,
  stderr: 7,
} as const;

/** A cgroup of the container, by descriptors of the stage: whoever writes `0` to one is in it from then on. */
export interface StageCgroup {
  readonly join: number;
  readonly leave: number | undefined;
  /** Joined at the very end: its limits could hamper the stage. Node hangs with less than nine processes, and dies of 6 MiB. */
  readonly late: boolean;
}

/** What the stage is told, as one line. */
export interface StageOrders {
  readonly plan: LaunchPlan;
  readonly cgroups: readonly StageCgroup[];
  /** The system call filter's instructions in base64; absent where there is none. */
  readonly filter?: string | undefined;
}

export type StageMessage =
  /** The user namespace is there and waits for its maps. */
  | { readonly kind: 'namespace' }
  /**
   * The stage runs; its process ID as the host sees it. Its descriptor `execution` ends when it becomes the command; before
   * that something is written to it where that fails.
   */
  | { readonly kind: 'started'; readonly pid: number; readonly execution: number }
  /** The container's terminal: its master is the stage's descriptor `fd`, and the stage waits until it was fetched. */
  | { readonly kind: 'terminal'; readonly fd: number }
  /** All is prepared: the stage becomes the container's command now. An `error` may still follow. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'error'; readonly error: PortableError };

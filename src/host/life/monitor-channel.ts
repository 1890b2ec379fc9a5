import type { TsimgEvent } from '../../events.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import type { PortableError } from '../../sys/portable-error.ts';

/** Descriptors of a monitor. */
export const MONITOR_DESCRIPTOR = {
  complaints: 2,
  /** To it: its orders, as a line. When it ends before the container runs, the caller is gone, and the launch is given up. */
  control: 3,
  /** From it: a message a line, until the container runs. */
  status: 4,
  /** The container's lock. */
  lock: 5,
} as const;

export interface MonitorOrders {
  readonly folder: string;
  readonly id: string;
  readonly tools: HostTools;
}

export type MonitorMessage =
  | { readonly kind: 'event'; readonly event: TsimgEvent }
  | { readonly kind: 'running' }
  | { readonly kind: 'error'; readonly error: PortableError };

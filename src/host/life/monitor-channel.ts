import { isEvent, type TsimgEvent } from '../../events.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import { fields, isFlag, isText, mapOf, oneOf, optional } from '../state/document-shape.ts';

/** The descriptors of a monitor. */
export const MONITOR_DESCRIPTOR = {
  complaints: 2,
  /**
   * The monitor's input: its orders, in one line. If the input ends before the container runs, the caller is gone and
   * the launch is given up.
   */
  control: 3,
  /** The monitor's output: one message per line, until the container runs. */
  status: 4,
  /** The container's lock. */
  lock: 5,
  /** With `attached` in the orders: the socket of the caller, which is attached to the container from its start on. */
  attached: 6,
} as const;

export interface MonitorOrders {
  readonly folder: string;
  readonly id: string;
  readonly tools: HostTools;
  readonly attached?: boolean | undefined;
}

export type MonitorMessage =
  | { readonly kind: 'event'; readonly event: TsimgEvent }
  | { readonly kind: 'running' }
  /** An error for `receiveError`. */
  | { readonly kind: 'error'; readonly error: unknown };

const areOrders = fields({ folder: isText, id: isText, tools: mapOf(isText), attached: optional(isFlag) });

/** Whether a value from another process is a monitor's orders. */
export function isMonitorOrders(value: unknown): value is MonitorOrders {
  return areOrders(value);
}

/** Whether a value from another process is a monitor's message. */
export function isMonitorMessage(value: unknown): value is MonitorMessage {
  return fields({ kind: oneOf('running', 'error') })(value) || fields({ kind: oneOf('event'), event: isEvent })(value);
}

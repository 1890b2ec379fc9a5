import type { Context } from '../../events.ts';
import type { ProcessPlan } from '../../launch/launch-plan.ts';
import type { PublishedPort } from '../../launch/network/publish.ts';
import type { StartedStub } from '../../sys/stub/start-stub.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import type { Streams } from '../stdio/relay.ts';
import type { SignalSource } from '../stdio/signal-source.ts';

/** Callbacks during a launch. */
export interface ExecuteWatch {
  /**
   * The container's first process exists: its host PID. It does not run the command yet, nor end before this returns.
   */
  readonly onProcess?: ((pid: number) => void) | undefined;
  /** The container is connected: its published ports, with those of the host that were chosen. */
  readonly onConnected?: ((ports: readonly PublishedPort[]) => void) | undefined;
  /** All is prepared and the command comes next; until then a launch may be refused and tried again. */
  readonly onStarted?: (() => void) | undefined;
  /** The first process has become the command. */
  readonly onRunning?: (() => void) | undefined;
  /** The command was ended by a signal, of this number. */
  readonly onKilled?: ((signal: number) => void) | undefined;
  /**
   * All processes have ended, with this status, and their output was passed on: what is left is to clean up. Not called
   * where the launch failed or was given up, nor for a container without a PID namespace.
   */
  readonly onOver?: ((status: number, outOfMemory: boolean) => void) | undefined;
  /**
   * The first process has ended, or there never was one. Ends the processes that the command left behind, which may
   * hold its output open.
   */
  readonly onEnded?: (() => Promise<void>) | undefined;
}

/** The origin of a launch's first stub. */
export interface StubOrigin {
  start(): Promise<StartedStub>;
  /** Whether its stubs are root of the plan's user namespace already; unused where real root makes that namespace. */
  readonly isMapped: boolean;
  /** Called by real root's launches in the plan's new user namespace, of which the stub is root. */
  readonly onUserNamespace?: ((stub: Stub) => void) | undefined;
  /** Root of a user namespace, below which real root's launches make theirs. */
  readonly userNamespaceAbove?: Stub | undefined;
}

/** A command that is known only when all is prepared for it. */
export interface CommandOrders {
  readonly command: ProcessPlan;
  readonly streams: Streams;
}

/** The options of a launch besides the plan. An abort of `signal` gives the launch up, or kills the container. */
export interface ExecuteOptions extends Context, ExecuteWatch {
  readonly streams: Streams;
  /**
   * The signals to pass on to the container; none when absent. Before the command runs, a signal gives the launch up.
   */
  readonly signals?: SignalSource | undefined;
  /** Where the first stub comes from. Default: a new child of this process. */
  readonly origin?: StubOrigin | undefined;
  /**
   * Waits for the command when all is prepared for it: the stub in the container is about to drop its rights. The
   * plan's command and `streams` when absent. Rejects where the launch is given up. Not for a terminal.
   */
  readonly awaitOrders?: ((container: Stub) => Promise<CommandOrders>) | undefined;
  /** The ports of the container's last run: chosen ones are chosen again where they are free. */
  readonly lastPorts?: readonly PublishedPort[] | undefined;
}

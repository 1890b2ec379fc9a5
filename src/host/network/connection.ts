import type { Context } from '../../events.ts';
import type { PublishedPort } from '../../launch/network/publish.ts';
import type { Stub } from '../../sys/stub/stub.ts';

/** A container's network outside of its namespaces. It is removed when this is disposed. */
export interface Connection extends AsyncDisposable {
  /**
   * Connects the network namespace of a container's first process, which is a stub.
   * @returns the published ports, with those of the host that were chosen
   * @throws LAUNCH_FAILED, HOST_UNSUPPORTED, SYSTEM_CALL
   */
  attach(container: Stub): Promise<readonly PublishedPort[]>;
}

/** What the preparation of a network takes besides the plan. */
export interface NetworkContext extends Context {
  /** The ports of the container's last run, of which chosen ones are chosen again where they are free. */
  readonly lastPorts?: readonly PublishedPort[] | undefined;
}

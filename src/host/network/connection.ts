import type { Hand } from '../../sys/stub/stub.ts';

/** What a container's network takes outside of its namespaces, until it is closed. */
export interface Connection extends AsyncDisposable {
  /**
   * Connects the network namespace of a container's first process, which is a hand.
   * @throws LAUNCH_FAILED, HOST_UNSUPPORTED, SYSTEM_CALL
   */
  attach(container: Hand): Promise<void>;
}

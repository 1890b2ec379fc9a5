import type { Stub } from '../../sys/stub/stub.ts';

/** What a container's network takes outside of its namespaces, until it is closed. */
export interface Connection extends AsyncDisposable {
  /**
   * Connects the network namespace of a container's first process, which is a stub.
   * @throws LAUNCH_FAILED, HOST_UNSUPPORTED, SYSTEM_CALL
   */
  attach(container: Stub): Promise<void>;
}

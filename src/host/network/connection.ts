import type { Stub } from '../../sys/stub/stub.ts';

/** A container's network outside of its namespaces. It is removed when this is disposed. */
export interface Connection extends AsyncDisposable {
  /**
   * Connects the network namespace of a container's first process, which is a stub.
   * @throws LAUNCH_FAILED, HOST_UNSUPPORTED, SYSTEM_CALL
   */
  attach(container: Stub): Promise<void>;
}

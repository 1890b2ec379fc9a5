/** What a container's network takes outside of its namespaces, until it is closed. */
export interface Connection extends AsyncDisposable {
  /** Connects the network namespace of a process that waits in it. @throws LAUNCH_FAILED, HOST_UNSUPPORTED, SYSTEM_CALL */
  attach(pid: number): Promise<void>;
}

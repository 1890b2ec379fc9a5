/** What a container of the image starts with. OCI image spec, config.md. Absent lists are empty, absent texts ''. */
export interface RunConfig {
  readonly user: string;
  readonly env: readonly string[];
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly workingDir: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly exposedPorts: readonly string[];
  readonly volumes: readonly string[];
  readonly stopSignal: string;
}

/** The configuration of a root filesystem that came with none. */
export const EMPTY_RUN_CONFIG: RunConfig = {
  user: '',
  env: [],
  entrypoint: [],
  cmd: [],
  workingDir: '',
  labels: {},
  exposedPorts: [],
  volumes: [],
  stopSignal: '',
};

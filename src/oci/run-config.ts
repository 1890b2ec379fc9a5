import type { Healthcheck } from './healthcheck.ts';

/**
 * The settings with which a container of the image starts. OCI image spec, config.md. A list that is absent in the
 * document is empty here, an absent text is ''.
 */
export interface RunConfig {
  /** `USER[:GROUP]`, names or numbers. */
  readonly user: string;
  /** `NAME=value` */
  readonly env: readonly string[];
  /** The program and its first arguments; empty where `cmd` is the whole command. */
  readonly entrypoint: readonly string[];
  /** The default arguments of the entrypoint, or the command where there is no entrypoint. */
  readonly cmd: readonly string[];
  readonly workingDir: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `80/tcp` */
  readonly exposedPorts: readonly string[];
  /** Paths in the container. */
  readonly volumes: readonly string[];
  /** `SIGTERM`, `15` */
  readonly stopSignal: string;
  /** docker's; undefined where the image has none. */
  readonly healthcheck?: Healthcheck | undefined;
}

/** The settings for a root filesystem without an image. */
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

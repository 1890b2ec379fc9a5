import type { CommandInput } from '../container/streams.ts';
import type { ContainerOptions, VolumeMount } from '../options/container-options.ts';
import type { EgressDecision } from './egress/egress-proxy.ts';

/** The network of a sandbox: none, or names that it reaches by HTTP and HTTPS through a proxy. */
export type SandboxNetwork =
  | 'none'
  | {
      /**
       * `NAME`, `*.NAME` (every name below it) or an address, each with `:PORT`; without one, the ports 80 and 443. A
       * private or local address is reached only where the address itself is listed.
       */
      readonly allow: readonly string[];
      /**
       * Called for each request of the sandbox, allowed or not, and awaited. A request is refused if it throws or
       * rejects.
       */
      readonly onRequest?: ((decision: EgressDecision) => unknown) | undefined;
    };

/** What one sandbox may use. */
export interface SandboxLimits {
  /** Memory of its processes together: bytes, or a text such as `64m`. Nothing is swapped. Default 256 MiB. */
  readonly memory?: number | string | undefined;
  /** A number of processors, such as 0.5. Default 1. */
  readonly cpus?: number | undefined;
  /** Processes and threads. Default 64. */
  readonly pids?: number | undefined;
  /** Milliseconds of one run. Default 30000. */
  readonly time?: number | undefined;
  /** Bytes of standard output, and of standard error, of one run. Default 1 MiB. */
  readonly output?: number | undefined;
  /** The files in /sandbox and /tmp together, which are kept in memory: bytes, or a text. Default 64 MiB. */
  readonly disk?: number | string | undefined;
  /** The most files, directories and links there. Default 16384. */
  readonly diskFiles?: number | undefined;
  /**
   * Whether a weaker bound is accepted where this user may make no cgroup for a limit: the private memory of
   * each process, which bounds neither shared memory nor the sum, and processes of this sandbox and its forks together;
   * no bound of processors. Default: HOST_UNSUPPORTED is thrown.
   * `Sandbox.limits` tells what holds.
   */
  readonly weakLimits?: boolean | undefined;
}

/** How a sandbox is made. How the image is found and pulled, and `root`, is part of it. */
export interface SandboxOptions
  extends SandboxLimits,
    Pick<ContainerOptions, 'root' | 'pull' | 'platform' | 'credentials' | 'signatures' | 'signal' | 'onEvent'> {
  /** Files by their path in the sandbox, such as `/sandbox/main.py`; a relative path is one in /sandbox. */
  readonly files?: Readonly<Record<string, string | Uint8Array>> | undefined;
  /** Default `none`. */
  readonly network?: SandboxNetwork | undefined;
  /** Variables of every run, besides the image's. Nothing of this process's environment is passed on. */
  readonly env?: Readonly<Record<string, string | number | boolean | undefined>> | undefined;
  /** `USER[:GROUP]`, names or numbers. Default: the image's. */
  readonly user?: string | number | undefined;
  /** The absolute working directory. Default `/sandbox`. */
  readonly workdir?: string | undefined;
  /** Directories of the host, read-only unless an object says `readOnly: false`, or a text `:rw`. */
  readonly volumes?: readonly (string | VolumeMount)[] | undefined;
}

/** How one command runs in a sandbox. */
export interface SandboxRunOptions {
  /** Standard input; the command reads nothing when absent. */
  readonly stdin?: CommandInput | undefined;
  /** Further variables. */
  readonly env?: Readonly<Record<string, string | number | boolean | undefined>> | undefined;
  /** Default: the sandbox's. */
  readonly user?: string | number | undefined;
  /** Default: the sandbox's. */
  readonly workdir?: string | undefined;
  /** Milliseconds. Default: the sandbox's. */
  readonly time?: number | undefined;
  /** Bytes of each output. Default: the sandbox's. */
  readonly output?: number | undefined;
  /** An abort kills the command, or ends its wait for its turn; its reason is what the promise rejects with. */
  readonly signal?: AbortSignal | undefined;
}

/** The files of a sandbox as they were. It is gone with the sandbox. */
export interface SandboxSnapshot {
  readonly id: number;
}

/** The bounds of a snapshot, a restore or a fork, which copies the files. */
export interface SandboxCopyOptions {
  /** Milliseconds. Default: that of the sandbox's runs. */
  readonly time?: number | undefined;
  /** An abort ends the copying, or the wait for its turn; its reason is what the promise rejects with. */
  readonly signal?: AbortSignal | undefined;
}

/** How a command of a sandbox ended. That it failed, or reached a limit, is no error. */
export interface SandboxResult {
  /** The status of the command, or 128 plus the number of the signal that ended it. */
  readonly exitCode: number;
  /** The signal that ended it, such as `SIGKILL`. */
  readonly signal?: NodeJS.Signals | undefined;
  /** The output as text; bytes that are not UTF-8 are replaced. */
  readonly stdout: string;
  readonly stderr: string;
  /** Whether it was killed because its time was over. */
  readonly timedOut: boolean;
  /** Whether it was killed because it wrote too much. */
  readonly outputExceeded: boolean;
  /** Whether the kernel killed a process because the memory was used up. */
  readonly outOfMemory: boolean;
  /** Milliseconds from the call of its program to the end of all processes. */
  readonly duration: number;
}

/** Who holds a sandbox to a limit. */
export interface HeldLimits {
  /**
   * `cgroup`: all processes together. `process`: the private memory of each process
   * (RLIMIT_DATA): against mistakes only, for memory that is shared, or is a file in memory, has no bound.
   */
  readonly memory: 'cgroup' | 'process';
  /** `cgroup`, or nobody. */
  readonly cpus: 'cgroup' | 'none';
  /** `cgroup`: this sandbox. `user`: this sandbox and its forks together (RLIMIT_NPROC). */
  readonly pids: 'cgroup' | 'user';
}

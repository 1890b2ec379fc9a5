import type { Context } from '../../events.ts';
import type { CommitOptions } from '../../verbs/changes/commit.ts';
import type { LogOptions } from '../../verbs/look/container-logs.ts';
import { checkBound } from '../options/check-number.ts';
import { type Checks, signal, text } from '../options/check-options.ts';
import { CONTEXT_CHECKS } from '../options/context-checks.ts';

/** An option of most methods: an abort ends the wait, which rejects with the reason. */
export interface AbortOption {
  readonly signal?: AbortSignal | undefined;
}

/** How a container is stopped. */
export interface StopContainerOptions extends AbortOption {
  /** Seconds until SIGKILL; `Infinity` is never. Default: the container's. */
  readonly timeout?: number | undefined;
  /** The signal that is sent first. Default: the container's. */
  readonly stopSignal?: string | undefined;
}

/** The checks of {@link StopContainerOptions}. */
export const STOP_CHECKS: Checks<StopContainerOptions> = { timeout: checkBound, stopSignal: text, signal };

/** How a container is stopped and started again. */
export interface RestartContainerOptions extends Context {
  /** Seconds until SIGKILL; `Infinity` is never. Default: the container's. */
  readonly timeout?: number | undefined;
}

/** The checks of {@link RestartContainerOptions}. */
export const RESTART_CHECKS: Checks<RestartContainerOptions> = { ...CONTEXT_CHECKS, timeout: checkBound };

/** Which part of a log is read, and whether it is followed. */
export interface LogsOptions extends LogOptions, AbortOption {}

/** How files are copied into or out of a container. */
export interface CopyFilesOptions extends Context {
  /** Whether owners, set-ID bits and extended attributes are kept. Default false. */
  readonly archive?: boolean | undefined;
  /** Whether a source that is a symbolic link is followed. Default false. */
  readonly follow?: boolean | undefined;
}

/** A file that a container changed. */
export interface ChangedFile {
  readonly kind: 'added' | 'changed' | 'deleted';
  /** Absolute in the container; bytes that are not UTF-8 are replaced. A program there chose it: escape it. */
  readonly path: string;
}

/** How an image is made of a container. */
export type CommitContainerOptions = Omit<CommitOptions, 'storeRoot'>;

import type { Context } from '../../events.ts';
import type { CommitOptions } from '../../verbs/changes/commit.ts';
import { WAIT_CONDITIONS } from '../../verbs/life/await-condition.ts';
import type { LogOptions } from '../../verbs/look/container-logs.ts';
import { checkBound, checkWhole } from '../options/check-number.ts';
import {
  type Checks,
  date,
  flag,
  hasMethods,
  listOf,
  oneOf,
  signal,
  takes,
  text,
  textOrNumber,
  texts,
  wrongValue,
} from '../options/check-options.ts';
import { CONTEXT_CHECKS } from '../options/context-checks.ts';
import { COMPRESSION, IMAGE_CHECKS } from '../options/image-checks.ts';

/** An option of most methods: an abort ends the wait, which rejects with the reason. */
export interface AbortOption {
  readonly signal?: AbortSignal | undefined;
}

const WAIT_CHECKS: Checks<AbortOption> = { signal };

/** How a container is stopped. */
export interface StopContainerOptions extends AbortOption {
  /** Seconds until SIGKILL; `Infinity` is never. Default: the container's. */
  readonly timeout?: number | undefined;
  /** The signal that is sent first. Default: the container's. */
  readonly stopSignal?: string | undefined;
}

const STOP_CHECKS: Checks<StopContainerOptions> = { timeout: checkBound, stopSignal: text, signal };

/** How a container is stopped and started again. */
export interface RestartContainerOptions extends Context {
  /** Seconds until SIGKILL; `Infinity` is never. Default: the container's. */
  readonly timeout?: number | undefined;
}

const RESTART_CHECKS: Checks<RestartContainerOptions> = { ...CONTEXT_CHECKS, timeout: checkBound };

/** Which part of a log is read, and whether it is followed. */
export interface LogsOptions extends LogOptions, AbortOption {}

const LOGS_CHECKS: Checks<LogsOptions> = {
  follow: flag,
  tail: (option, value) => checkWhole(option, value),
  since: date,
  until: date,
  signal,
};

const checkCondition = oneOf(...WAIT_CONDITIONS);

/** Checks what is waited for. @throws USAGE */
export function checkConditions(name: string, given: readonly unknown[]): void {
  listOf('a word, or a list of words', checkCondition)(name, given);
  if (given.length === 0) throw wrongValue(name, given, 'at least one word');
}

/**
 * Checks the arguments of a copy.
 * @param method of a stream of Node: `pipe` to read, `write` to write
 * @throws USAGE
 */
export function checkCopy(path: unknown, onHost: Readonly<Record<string, unknown>>, method: 'pipe' | 'write'): void {
  text('path', path);
  const check = takes(
    'a path, or a stream of Node',
    (value) => typeof value === 'string' || hasMethods(value, method, 'on'),
  );
  for (const [name, value] of Object.entries(onHost)) check(name, value);
}

/** Returns a signal as a text. @throws USAGE */
export function signalText(given: string | number | undefined): string | undefined {
  if (given === undefined) return undefined;
  textOrNumber('signal', given);
  return String(given);
}

/** How files are copied into or out of a container. */
export interface CopyFilesOptions extends Context {
  /** Whether owners, set-ID bits and extended attributes are kept. Default false. */
  readonly archive?: boolean | undefined;
  /** Whether a source that is a symbolic link is followed. Default false. */
  readonly follow?: boolean | undefined;
}

const COPY_FILES_CHECKS: Checks<CopyFilesOptions> = { ...CONTEXT_CHECKS, archive: flag, follow: flag };

/** A file that a container changed. */
export interface ChangedFile {
  readonly kind: 'added' | 'changed' | 'deleted';
  /** Absolute in the container; bytes that are not UTF-8 are replaced. A program there chose it: escape it. */
  readonly path: string;
}

/** How an image is made of a container. */
export type CommitContainerOptions = Omit<CommitOptions, 'storeRoot'>;

const COMMIT_CHECKS: Checks<Omit<CommitContainerOptions, 'reference'>> = {
  ...CONTEXT_CHECKS,
  author: text,
  message: text,
  changes: texts,
  pause: flag,
  limits: IMAGE_CHECKS.limits,
  compression: COMPRESSION,
};

/** The checks of the options of each method. */
export const METHOD_CHECKS = {
  attach: WAIT_CHECKS,
  commit: COMMIT_CHECKS,
  copyIn: COPY_FILES_CHECKS,
  copyOut: COPY_FILES_CHECKS,
  diff: CONTEXT_CHECKS,
  logs: LOGS_CHECKS,
  pause: WAIT_CHECKS,
  remove: CONTEXT_CHECKS,
  restart: RESTART_CHECKS,
  start: CONTEXT_CHECKS,
  stop: STOP_CHECKS,
  unpause: WAIT_CHECKS,
  wait: WAIT_CHECKS,
  waitFor: WAIT_CHECKS,
  watchStats: WAIT_CHECKS,
} as const;

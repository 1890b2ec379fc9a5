import { ERRNO_WORDS, type ErrnoWords } from './errno-words.data.ts';
import { optionPlace, optionWords } from './option-words.ts';

/** Exit statuses of every verb except `run`, `exec` and `unshare`. */
const EXIT = { failed: 1, usage: 2, notFound: 3, authentication: 4, mismatch: 5, interrupted: 130 } as const;

/**
 * Every error code, with the exit status of a verb that fails with it. docs/errors.md has an entry for each code
 * (tested). `run`, `exec` and `unshare` end with 125, 126 or 127 instead, as with docker.
 */
export const ERROR_CODES = {
  // The call
  USAGE: EXIT.usage,
  REFERENCE_INVALID: EXIT.usage,
  PLATFORM_INVALID: EXIT.usage,
  DIGEST_INVALID: EXIT.usage,
  // Missing images, containers, platforms, blobs
  SOURCE_NOT_FOUND: EXIT.notFound,
  IMAGE_NOT_FOUND: EXIT.notFound,
  IMAGE_AMBIGUOUS: EXIT.notFound,
  IMAGE_IN_USE: EXIT.failed,
  CONTAINER_NOT_FOUND: EXIT.notFound,
  CONTAINER_AMBIGUOUS: EXIT.notFound,
  PLATFORM_NOT_FOUND: EXIT.notFound,
  BLOB_NOT_FOUND: EXIT.notFound,
  // Content that is not the promised one
  DIGEST_MISMATCH: EXIT.mismatch,
  SIZE_MISMATCH: EXIT.mismatch,
  DIFF_ID_MISMATCH: EXIT.mismatch,
  STORE_DAMAGED: EXIT.mismatch,
  SIGNATURE_MISSING: EXIT.mismatch,
  SIGNATURE_INVALID: EXIT.mismatch,
  IMAGE_REJECTED: EXIT.mismatch,
  // Content that makes no sense
  DOCUMENT_INVALID: EXIT.failed,
  ARCHIVE_INVALID: EXIT.failed,
  FORMAT_UNSUPPORTED: EXIT.failed,
  LAYER_INVALID: EXIT.failed,
  TAR_INVALID: EXIT.failed,
  COMPRESSION_INVALID: EXIT.failed,
  LIMIT_EXCEEDED: EXIT.failed,
  POLICY_VIOLATED: EXIT.failed,
  // Keys, trusted roots and policies
  KEY_INVALID: EXIT.failed,
  TRUST_ROOT_INVALID: EXIT.failed,
  POLICY_INVALID: EXIT.failed,
  // The destination
  DESTINATION_EXISTS: EXIT.failed,
  DESTINATION_INVALID: EXIT.failed,
  FILESYSTEM: EXIT.failed,
  STORE_INVALID: EXIT.failed,
  // The registry
  AUTHENTICATION_REQUIRED: EXIT.authentication,
  AUTHENTICATION_DENIED: EXIT.authentication,
  CREDENTIALS_INVALID: EXIT.authentication,
  NOT_LOGGED_IN: EXIT.notFound,
  REGISTRY_UNREACHABLE: EXIT.failed,
  REGISTRY_ERROR: EXIT.failed,
  REGISTRY_BLOCKED: EXIT.failed,
  REGISTRIES_INVALID: EXIT.failed,
  // The launch
  HOST_UNSUPPORTED: EXIT.failed,
  LAUNCH_FAILED: EXIT.failed,
  COMMAND_NOT_FOUND: EXIT.failed,
  COMMAND_NOT_EXECUTABLE: EXIT.failed,
  SYSTEM_CALL: EXIT.failed,
  // Existing containers
  CONTAINER_EXISTS: EXIT.failed,
  CONTAINER_STATE: EXIT.failed,
  PORT_NOT_PUBLISHED: EXIT.failed,
  // Volumes
  VOLUME_NOT_FOUND: EXIT.notFound,
  VOLUME_IN_USE: EXIT.failed,
  // Networks
  NETWORK_NOT_FOUND: EXIT.notFound,
  NETWORK_EXISTS: EXIT.failed,
  NETWORK_IN_USE: EXIT.failed,
  // The rest
  BUSY: EXIT.failed,
  INTERRUPTED: EXIT.interrupted,
} as const;

/** A code of {@link ERROR_CODES}. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** Values of an error for programs and for `--json`: expected and found, sizes in bytes, an HTTP status. */
export type ErrorFacts = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

/** The parts of a {@link TsimgError} besides its code and what is wrong. */
export interface TsimgErrorOptions {
  /** The file, reference, entry or option that is concerned, as it came: it is escaped when it is printed. */
  readonly where?: string | undefined;
  /** The cause, where `what` alone does not say it. */
  readonly why?: string | undefined;
  /** The remedy: the next step for the user. */
  readonly hint?: string | undefined;
  readonly facts?: ErrorFacts | undefined;
  readonly cause?: unknown;
}

/** Node's sentences about an errno: `EACCES: permission denied, open '/x'`, `spawn /x EACCES`. */
const NODE_SENTENCES = [/^(E[A-Z0-9]+): [a-z].*, [a-z_0-9]+(?: '[\s\S]*')?$/, /^spawn(?:Sync)? .* (E[A-Z0-9]+)$/];

/** Plain words for a `why` that is the name of an errno or Node's sentence about one; undefined for any other text. */
function errnoWords(why: string | undefined): ErrnoWords | undefined {
  if (why === undefined) return undefined;
  const [name = why] = NODE_SENTENCES.flatMap((sentence) => sentence.exec(why)?.[1] ?? []);
  return Object.hasOwn(ERRNO_WORDS, name) ? ERRNO_WORDS[name] : undefined;
}

/**
 * The error of every function of tsimg: a stable code, and the parts of the line `tsimg: WHAT (WHERE): WHY; HINT`. A
 * `why` that is an errno, or Node's sentence about one, is replaced with plain words. In a program that uses the
 * library, options have the names of the library.
 * @example
 * try {
 *   await pullToStore(parseReference('alpine:0.0'));
 * } catch (error) {
 *   if (error instanceof TsimgError && error.code === 'IMAGE_NOT_FOUND') console.error(error.what, error.hint);
 *   else throw error;
 * }
 */
export class TsimgError extends Error {
  override readonly name = 'TsimgError';
  /** Stable: a code keeps its meaning, and docs/errors.md explains it. */
  readonly code: ErrorCode;
  /** The problem, in a few words for people: the wording may change. */
  readonly what: string;
  /** The file, reference, entry or option that is concerned. It may come from outside: escape it before printing. */
  readonly where: string | undefined;
  /** The cause. */
  readonly why: string | undefined;
  /** The next step for the user. */
  readonly hint: string | undefined;
  /** The same for programs: digests, sizes in bytes, an HTTP status. */
  readonly facts: ErrorFacts;

  constructor(code: ErrorCode, problem: string, options: TsimgErrorOptions = {}) {
    const words = errnoWords(options.why);
    const what = optionWords(problem);
    const where = optionPlace(options.where);
    const why = optionWords(words?.why ?? options.why);
    const hint = optionWords(options.hint ?? words?.hint);
    super(
      `${what}${where === undefined ? '' : ` (${where})`}${why === undefined ? '' : `: ${why}`}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.what = what;
    this.where = where;
    this.why = why;
    this.hint = hint;
    const { option } = options.facts ?? {};
    this.facts = typeof option === 'string' ? { ...options.facts, option: optionPlace(option) } : (options.facts ?? {});
  }

  /** The exit status of a verb that fails with this error. */
  get exitStatus(): number {
    return ERROR_CODES[this.code];
  }
}

/**
 * Whether a value is an error, of any realm: test runners such as jest load modules into a realm of their own, where
 * Node's errors are no instances of `Error`.
 */
export function isError(value: unknown): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
}

/** Returns the errno name (`ENOENT`) of a system error, Node's or tsimg's; undefined for any other value. */
export function errnoOf(error: unknown): string | undefined {
  if (!isError(error)) return undefined;
  if (error instanceof TsimgError) {
    const { errno } = error.facts;
    return typeof errno === 'string' ? errno : undefined;
  }
  const code = 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** Returns the text of a thrown value, for a `why`: an errno becomes plain words. */
export function messageOf(error: unknown): string {
  const message = isError(error) ? error.message : String(error);
  return errnoWords(message)?.why ?? message;
}

/**
 * Throws the errors of several actions: nothing if there are none, a single error as it is, more as an AggregateError.
 */
export function throwAll(failures: readonly unknown[]): void {
  if (failures.length > 1) throw new AggregateError(failures, failures.map(messageOf).join('; '));
  if (failures.length === 1) throw failures[0];
}

/** Returns the errors that {@link throwAll} threw together; undefined for any other value. */
export function severalErrors(thrown: unknown): readonly TsimgError[] | undefined {
  if (!(thrown instanceof AggregateError) || thrown.errors.length === 0) return undefined;
  const errors: readonly unknown[] = thrown.errors;
  return errors.every((error) => error instanceof TsimgError) ? errors : undefined;
}

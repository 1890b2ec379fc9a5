import { ERRNO_WORDS, type ErrnoWords } from './errno-words.data.ts';

/** What a code means to a shell: the exit status of every verb but `run` and `exec` (DESIGN: 0 done … 130 interrupted). */
const EXIT = { failed: 1, usage: 2, notFound: 3, authentication: 4, mismatch: 5, interrupted: 130 } as const;

/**
 * Every error code of tsimg with its exit status. Each code has an entry in docs/errors.md (tested).
 * `run` and `exec` answer 125, 126 or 127 instead, as docker does.
 */
export const ERROR_CODES = {
  // How tsimg was called
  USAGE: EXIT.usage,
  REFERENCE_INVALID: EXIT.usage,
  PLATFORM_INVALID: EXIT.usage,
  DIGEST_INVALID: EXIT.usage,
  // What was asked for is not there
  SOURCE_NOT_FOUND: EXIT.notFound,
  IMAGE_NOT_FOUND: EXIT.notFound,
  IMAGE_AMBIGUOUS: EXIT.notFound,
  IMAGE_IN_USE: EXIT.failed,
  CONTAINER_NOT_FOUND: EXIT.notFound,
  CONTAINER_AMBIGUOUS: EXIT.notFound,
  PLATFORM_NOT_FOUND: EXIT.notFound,
  BLOB_NOT_FOUND: EXIT.notFound,
  // What was read is not what was promised
  DIGEST_MISMATCH: EXIT.mismatch,
  SIZE_MISMATCH: EXIT.mismatch,
  DIFF_ID_MISMATCH: EXIT.mismatch,
  // What was read makes no sense
  DOCUMENT_INVALID: EXIT.failed,
  ARCHIVE_INVALID: EXIT.failed,
  FORMAT_UNSUPPORTED: EXIT.failed,
  LAYER_INVALID: EXIT.failed,
  TAR_INVALID: EXIT.failed,
  COMPRESSION_INVALID: EXIT.failed,
  LIMIT_EXCEEDED: EXIT.failed,
  POLICY_VIOLATED: EXIT.failed,
  // Where it goes
  DESTINATION_EXISTS: EXIT.failed,
  DESTINATION_INVALID: EXIT.failed,
  FILESYSTEM: EXIT.failed,
  STORE_INVALID: EXIT.failed,
  // The registry
  AUTHENTICATION_REQUIRED: EXIT.authentication,
  AUTHENTICATION_DENIED: EXIT.authentication,
  CREDENTIALS_INVALID: EXIT.authentication,
  REGISTRY_UNREACHABLE: EXIT.failed,
  REGISTRY_ERROR: EXIT.failed,
  // The launch
  HOST_UNSUPPORTED: EXIT.failed,
  LAUNCH_FAILED: EXIT.failed,
  COMMAND_NOT_FOUND: EXIT.failed,
  COMMAND_NOT_EXECUTABLE: EXIT.failed,
  SYSTEM_CALL: EXIT.failed,
  // Containers that are there
  CONTAINER_EXISTS: EXIT.failed,
  CONTAINER_STATE: EXIT.failed,
  // The rest
  BUSY: EXIT.failed,
  INTERRUPTED: EXIT.interrupted,
} as const;

/** One of the codes; docs/errors.md has an entry for each. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** Values worth comparing in a test or showing in `--json`: expected and found, sizes in bytes, an HTTP status. */
export type ErrorFacts = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

export interface TsimgErrorOptions {
  /** The file, reference, entry or option that it is about; raw, escaped only when printed. */
  readonly where?: string | undefined;
  /** Why it happened, where `what` alone does not say it. */
  readonly why?: string | undefined;
  /** What the user can do. */
  readonly hint?: string | undefined;
  readonly facts?: ErrorFacts | undefined;
  readonly cause?: unknown;
}

/** Node's own sentences about an errno: `EACCES: permission denied, open '/x'`, `spawn /x EACCES`. */
const NODE_SENTENCES = [/^(E[A-Z0-9]+): [a-z].*, [a-z_0-9]+(?: '[\s\S]*')?$/, /^spawn(?:Sync)? .* (E[A-Z0-9]+)$/];

/** What a `why` says where it is an errno's name or Node's sentence about one; undefined for all else. */
function errnoWords(why: string | undefined): ErrnoWords | undefined {
  if (why === undefined) return undefined;
  const [name = why] = NODE_SENTENCES.flatMap((sentence) => sentence.exec(why)?.[1] ?? []);
  return Object.hasOwn(ERRNO_WORDS, name) ? ERRNO_WORDS[name] : undefined;
}

/**
 * The one error of tsimg: a stable code, and the parts of the line `tsimg: WHAT (WHERE): WHY; HINT`.
 * Thrown where the cause is known and never caught to be re-worded. A `why` that is an errno, or Node's sentence about one, is put
 * into words here: no errno reaches people.
 */
export class TsimgError extends Error {
  override readonly name = 'TsimgError';
  readonly code: ErrorCode;
  readonly what: string;
  readonly where: string | undefined;
  readonly why: string | undefined;
  readonly hint: string | undefined;
  readonly facts: ErrorFacts;

  constructor(code: ErrorCode, what: string, options: TsimgErrorOptions = {}) {
    const { where } = options;
    const words = errnoWords(options.why);
    const why = words?.why ?? options.why;
    const hint = options.hint ?? words?.hint;
    super(
      `${what}${where === undefined ? '' : ` (${where})`}${why === undefined ? '' : `: ${why}`}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.what = what;
    this.where = where;
    this.why = why;
    this.hint = hint;
    this.facts = options.facts ?? {};
  }

  /** The exit status of a verb that ends with this error. */
  get exitStatus(): number {
    return ERROR_CODES[this.code];
  }
}

/** The errno name of a Node or tsimg system error (`ENOENT`), else undefined. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof TsimgError) {
    const { errno } = error.facts;
    return typeof errno === 'string' ? errno : undefined;
  }
  const code = 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** The text of whatever was thrown, for a `why`; an errno in words. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return errnoWords(message)?.why ?? message;
}

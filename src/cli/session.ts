import { type Command, Option } from 'commander';
import { TsimgError } from '../errors.ts';
import type { Context, OnEvent } from '../events.ts';
import { processSignals, type SignalSource } from '../host/stdio/signal-source.ts';
import { withGeneral } from './option/general.ts';
import { escapeLines, escapeText, formatJson } from './show/escape.ts';
import { createProgress, type ProgressMode } from './show/progress.ts';

export const DEBUG_HELP = 'print details, and the causes and the stack of an error';

/** Options that mean the same in every verb. */
export interface CommonOptions {
  readonly root?: string;
  readonly json?: boolean;
  readonly debug?: boolean;
  readonly quiet?: boolean;
  readonly progress?: ProgressMode | 'auto';
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The means of a verb's action: to print, to report progress, and to stop. */
export interface Session {
  readonly context: Context & { readonly signal: AbortSignal; readonly onEvent: OnEvent };
  /**
   * The signals of this process, for a command in a container. They do not stop the action while the command listens.
   */
  readonly signals: SignalSource;
  /** Prints a line of the result on stdout, escaped for a terminal. */
  print(line: string): void;
  /** Prints a table or a plan, escaped for a terminal; its line feeds stay. */
  printLines(text: string): void;
  /** Prints the result of `--json`. @param indent spaces for each level; 2 when absent */
  printJson(value: unknown, indent?: number): void;
  /** Prints a text unchanged: a filled template, whose values are escaped and whose other parts the user wrote. */
  printAsIs(text: string): void;
  /** Prints a remark on stderr, above the progress display, escaped for a terminal. */
  note(text: string): void;
}

/** Adds the options that all verbs have. */
export function withCommon(command: Command): Command {
  return withGeneral(command)
    .option('--debug', DEBUG_HELP)
    .addOption(
      new Option('--progress <how>', 'the form of progress on stderr')
        .choices(['auto', 'tty', 'plain', 'json', 'none'])
        .default('auto'),
    )
    .option('-q, --quiet', 'print no progress, and only the essential result');
}

function progressMode(options: CommonOptions): ProgressMode {
  if (options.quiet) return 'none';
  if (options.progress !== undefined && options.progress !== 'auto') return options.progress;
  return process.stderr.isTTY ? 'tty' : 'plain';
}

/** Whether an error comes from an AbortSignal, in any of its forms. */
function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || ('code' in error && error.code === 'ABORT_ERR'));
}

/**
 * Runs an action with progress on stderr; the display is gone when the action ends. SIGINT, SIGTERM and SIGHUP abort
 * the action, unless a command in a container listens to `signals`. A broken standard output aborts the action too, so
 * that it cleans up. `outlivesOutput` turns that off for commands in containers: the kernel sends SIGPIPE to these.
 * @throws the errors of the action; INTERRUPTED when a signal ended it
 */
export async function inSession<T>(
  options: CommonOptions & { readonly outlivesOutput?: boolean },
  action: (session: Session) => Promise<T>,
): Promise<T> {
  const abort = new AbortController();
  let interrupted = false;
  let listeners = 0;
  const signals: SignalSource = {
    listen(deliver) {
      listeners += 1;
      const listening = processSignals.listen(deliver);
      return {
        [Symbol.dispose]() {
          listening[Symbol.dispose]();
          listeners -= 1;
        },
      };
    },
  };
  const interrupt = () => {
    if (listeners > 0) return;
    interrupted = true;
    abort.abort();
  };
  const stop = () => abort.abort();
  for (const name of SIGNALS) process.on(name, interrupt);
  if (options.outlivesOutput !== true) process.stdout.on('error', stop);
  const printAsIs = (text: string) => void process.stdout.write(`${text}\n`);
  const progress = createProgress(progressMode(options), process.stderr);
  const onEvent: OnEvent = (event) => {
    if (event.kind !== 'detail' || options.debug) progress.onEvent(event);
  };
  try {
    return await action({
      context: { signal: abort.signal, onEvent },
      signals,
      print: (line) => printAsIs(escapeText(line)),
      printLines: (text) => printAsIs(escapeLines(text)),
      printJson: (value, indent = 2) => printAsIs(formatJson(value, indent)),
      printAsIs,
      note: (text) => progress.note(escapeLines(text)),
    });
  } catch (error) {
    throw interrupted && isAbort(error)
      ? new TsimgError('INTERRUPTED', 'interrupted by a signal', { cause: error })
      : error;
  } finally {
    progress.close();
    for (const name of SIGNALS) process.off(name, interrupt);
    process.stdout.off('error', stop);
  }
}

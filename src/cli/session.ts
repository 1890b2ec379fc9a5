import { type Command, Option } from 'commander';
import { TsimgError } from '../errors.ts';
import type { Context, OnEvent } from '../events.ts';
import { processSignals, type SignalSource } from '../host/stdio/signal-source.ts';
import { escapeLines, escapeText, formatJson } from './show/escape.ts';
import { createProgress, type ProgressMode } from './show/progress.ts';

/** Options that mean the same in every verb. */
export interface CommonOptions {
  readonly root?: string;
  readonly json?: boolean;
  readonly debug?: boolean;
  readonly quiet?: boolean;
  readonly progress?: ProgressMode | 'auto';
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** What a verb's action works with: where to print, and when to stop. */
export interface Session {
  readonly context: Context & { readonly signal: AbortSignal; readonly onEvent: OnEvent };
  /** The signals of this process, for a command in a container. They do not stop the action while the command listens. */
  readonly signals: SignalSource;
  /** A line of the result, on stdout; made safe for a terminal. */
  print(line: string): void;
  /** The same for a table or a plan, whose cells and words were made safe: its line feeds stay. */
  printLines(text: string): void;
  /** The result as `--json` wants it. @param indent spaces a level, 2 when absent */
  printJson(value: unknown, indent?: number): void;
  /** What is safe already, and may hold what the user himself wrote for his terminal: a template that was filled in. */
  printAsIs(text: string): void;
  /** All else, on stderr, without disturbing the progress display; made safe for a terminal. */
  note(text: string): void;
}

/** Adds the options that all verbs have. */
export function withCommon(command: Command): Command {
  return command
    .optionsGroup('General:')
    .option('--root <dir>', 'where images are kept (also $TSIMG_ROOT)')
    .option('--json', 'results and errors as JSON')
    .option('--debug', 'show causes and stack of an error')
    .addOption(
      new Option('--progress <how>', 'how progress is shown on stderr')
        .choices(['auto', 'tty', 'plain', 'json', 'none'])
        .default('auto'),
    )
    .option('-q, --quiet', 'no progress, and only the essential result');
}

function progressMode(options: CommonOptions): ProgressMode {
  if (options.quiet) return 'none';
  if (options.progress !== undefined && options.progress !== 'auto') return options.progress;
  return process.stderr.isTTY ? 'tty' : 'plain';
}

/** Whether this is an AbortSignal's doing, in whichever form it surfaced. */
function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || ('code' in error && error.code === 'ABORT_ERR'));
}

/**
 * Runs an action with progress on stderr; the display is gone when the action ends. SIGINT, SIGTERM and SIGHUP abort the action,
 * unless a command in a container listens to `signals`. A broken standard output aborts the action too, so that it cleans up.
 * `outlivesOutput` turns that off for commands in containers: the kernel sends SIGPIPE to these.
 * @throws what the action throws; INTERRUPTED when a signal ended it
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
  try {
    return await action({
      context: { signal: abort.signal, onEvent: progress.onEvent },
      signals,
      print: (line) => printAsIs(escapeText(line)),
      printLines: (text) => printAsIs(escapeLines(text)),
      printJson: (value, indent = 2) => printAsIs(formatJson(value, indent)),
      printAsIs,
      note: (text) => progress.note(escapeLines(text)),
    });
  } catch (error) {
    throw interrupted && isAbort(error) ? new TsimgError('INTERRUPTED', 'interrupted', { cause: error }) : error;
  } finally {
    progress.close();
    for (const name of SIGNALS) process.off(name, interrupt);
    process.stdout.off('error', stop);
  }
}

import { setImmediate } from 'node:timers/promises';
import { Command, CommanderError } from 'commander';
import { errnoOf, TsimgError } from '../errors.ts';
import { launchExitStatus } from '../launch/show/exit-status.ts';
import { nodeCallError } from '../sys/refused-call.ts';
import { version } from '../version.ts';
import { addHelp, HELP_LAYOUT } from './help.ts';
import { formatErrorDetails, formatErrorJson, formatErrorLine } from './show/format-error.ts';
import { addCompletion } from './verb/completion.ts';
import { VERBS, verbsFor } from './verbs.ts';

const USAGE_STATUS = 2;
/** What a shell reports for a command that SIGPIPE ended. */
const BROKEN_PIPE_STATUS = 141;

/** The command line with the verbs that these arguments need; all of them without any. Verbs load what they need when they run. */
export async function createProgram(
  setStatus: (status: number) => void,
  args: readonly string[] = [],
): Promise<Command> {
  const program = new Command('tsimg')
    .description('Container images and root filesystems: pull, unpack, run. No daemon.')
    .optionsGroup('General:')
    .version(version, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .configureHelp(HELP_LAYOUT)
    .enablePositionalOptions()
    .option('--root <dir>', 'where images are kept (also $TSIMG_ROOT)')
    .option('--json', 'results and errors as JSON')
    .option('--debug', 'show causes and stack of an error')
    .exitOverride()
    .configureOutput({ outputError: () => {} });
  const verbs = verbsFor(args);
  for (const { heading, load } of verbs) {
    const addVerb = await load();
    program.commandsGroup(heading);
    addVerb(program, setStatus);
  }
  // These tell of all verbs.
  if (verbs === VERBS) {
    addCompletion(program);
    addHelp(program);
  }
  for (const command of program.commands) command.exitOverride().configureOutput({ outputError: () => {} });
  return program;
}

/** Commander's words for a wrong call, as an error of ours. */
function usageError(error: CommanderError): TsimgError {
  const what = error.message.replace(/^error: /, '').replace(/\n[\s\S]*$/, '');
  return new TsimgError('USAGE', what, {
    hint: 'tsimg help shows the commands, tsimg COMMAND --help its options',
    cause: error,
  });
}

function exitStatusOf(error: unknown, launching: boolean): number {
  if (launching) return launchExitStatus(error);
  return error instanceof TsimgError ? error.exitStatus : 1;
}

/** Verbs whose status is a command's. */
const LAUNCHING: ReadonlySet<string> = new Set(['run', 'exec', 'unshare']);

/** How errors are to be shown: as the options say, or as the arguments look where these could not be parsed. */
function displayOf(
  program: Command,
  args: readonly string[],
  thrown: unknown,
): { readonly json: boolean; readonly debug: boolean } {
  if (thrown instanceof CommanderError) return { json: args.includes('--json'), debug: args.includes('--debug') };
  const invoked = program.commands.find((command) => command.name() === program.args[0]);
  const { json = false, debug = false } = { ...program.opts(), ...invoked?.opts() };
  return { json: json === true, debug: debug === true };
}

/** Whether `run` or `exec` printed something itself (an ID, a plan), and no command of a container did. */
function isOwnResult(program: Command): boolean {
  const { detach, dryRun } = program.commands.find((command) => command.name() === program.args[0])?.opts() ?? {};
  return detach === true || dryRun === true;
}

/** What is wrong with standard output, where that is not its reader's having left. */
function outputError(errored: Error | undefined): TsimgError | undefined {
  if (errored === undefined || errnoOf(errored) === 'EPIPE') return undefined;
  return new TsimgError('FILESYSTEM', 'cannot write the result', {
    where: 'standard output',
    why: errored.message,
    cause: errored,
  });
}

/** Arguments (without node and script) → one verb → exit status. Prints the error, if there is one. */
export async function runProgram(args: readonly string[]): Promise<number> {
  let status = 0;
  const setStatus = (value: number) => {
    status = value;
  };
  const program = await createProgram(setStatus, args);
  // What cannot be told is not worth failing for; standard output is looked at in the end.
  process.stderr.on('error', () => {});
  let broken: Error | undefined;
  process.stdout.on('error', (error) => {
    broken ??= error;
  });
  let helped = false;
  const isLaunch = () => LAUNCHING.has(program.args[0] ?? args.find((arg) => !arg.startsWith('-')) ?? '');
  try {
    try {
      await program.parseAsync([...args], { from: 'user' });
    } catch (error) {
      helped = error instanceof CommanderError && error.exitCode === 0;
      if (!helped && (isLaunch() || broken === undefined)) throw error;
    }
    // Errors of what was written last arrive a turn later.
    await setImmediate();
    // A command in a container that failed says so itself.
    if (isLaunch() && status !== 0) return status;
    const failure = outputError(broken);
    if (failure !== undefined) throw failure;
    // That nobody reads a container's output is no failure of its own; the kernel has told its command.
    return broken === undefined || (isLaunch() && !helped && !isOwnResult(program)) ? status : BROKEN_PIPE_STATUS;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.code === 'commander.help') return USAGE_STATUS;
    const error = thrown instanceof CommanderError ? usageError(thrown) : (nodeCallError(thrown) ?? thrown);
    const failure = exitStatusOf(error, isLaunch());
    const { json, debug } = displayOf(program, args, thrown);
    process.stderr.write(`${json ? formatErrorJson(error, failure) : formatErrorLine(error)}\n`);
    if (debug) process.stderr.write(`${formatErrorDetails(error)}\n`);
    return failure;
  }
}

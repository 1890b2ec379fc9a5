import { setImmediate } from 'node:timers/promises';
import { Command, CommanderError } from 'commander';
import { errnoOf, severalErrors, TsimgError } from '../errors.ts';
import { launchExitStatus } from '../launch/show/exit-status.ts';
import { nodeCallError } from '../sys/refused-call.ts';
import { version } from '../version.ts';
import { addHelp, HELP_LAYOUT } from './help.ts';
import { withGeneral } from './option/general.ts';
import { DEBUG_HELP } from './session.ts';
import { formatErrorDetails, formatErrorJson, formatErrorLine } from './show/format-error.ts';
import { KNOWN_ELSEWHERE } from './show/known-elsewhere.data.ts';
import { addCompletion } from './verb/completion.ts';
import { VERBS, verbsFor } from './verbs.ts';

const USAGE_STATUS = 2;
/** The status that a shell reports for a command that SIGPIPE ended. */
const BROKEN_PIPE_STATUS = 141;

/**
 * Makes the command line with the verbs that the arguments need; without arguments with all verbs. A verb loads the
 * modules that it needs when it runs.
 */
export async function createProgram(
  setStatus: (status: number) => void,
  args: readonly string[] = [],
): Promise<Command> {
  const program = new Command('tsimg')
    .description('Pull, unpack and run container images, and build root filesystems, without a daemon.')
    .optionsGroup('General:')
    .version(version, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .configureHelp(HELP_LAYOUT)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ outputError: () => {} });
  withGeneral(program).option('--debug', DEBUG_HELP);
  const verbs = verbsFor(args);
  for (const { heading, load } of verbs) {
    const addVerb = await load();
    program.commandsGroup(heading);
    addVerb(program, setStatus);
  }
  // Help and completion speak of all verbs.
  if (verbs === VERBS) {
    addCompletion(program);
    addHelp(program);
  }
  for (const command of program.commands) command.exitOverride().configureOutput({ outputError: () => {} });
  return program;
}

/** commander's refusals of a value that is none of the choices, of an option and of an operand. */
const OPTION_CHOICE = /^option '(.+)' argument '(.*)' is invalid\. Allowed choices are (.+?)\.?$/;
const OPERAND_CHOICE = /^command-argument value '(.*)' is invalid for argument '(.+)'\. Allowed choices are (.+?)\.?$/;

/** Returns the error for a value that is none of the choices; undefined for another error. */
function noChoice(said: string, cause: CommanderError): TsimgError | undefined {
  const [, option, value, choices] = OPTION_CHOICE.exec(said) ?? [];
  const [, word, operand, words] = OPERAND_CHOICE.exec(said) ?? [];
  const hint = `it is one of ${choices ?? words}`;
  if (choices !== undefined) return new TsimgError('USAGE', `the option ${option} cannot be ${value}`, { hint, cause });
  if (words === undefined) return undefined;
  return new TsimgError('USAGE', `the operand <${operand}> cannot be ${word}`, { hint, cause });
}

/** What stands in the place of an unknown option that another program has; undefined where there is nothing. */
function wordsForOption(said: string, verb: string): string | undefined {
  const option = /^unknown option '(--?[a-zA-Z][\w-]*)/.exec(said)?.[1];
  if (option === undefined || !Object.hasOwn(KNOWN_ELSEWHERE, option)) return undefined;
  return KNOWN_ELSEWHERE[option]?.find(({ verbs }) => verbs.includes(verb))?.words;
}

/** Makes a `TsimgError` of commander's error for a wrong call. @param verb the one that was called, where there is one */
function usageError(error: CommanderError, verb: string | undefined): TsimgError {
  const [said = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
  const unchosen = noChoice(said, error);
  if (unchosen !== undefined) return unchosen;
  const what = said
    .replace(/^option '(.+)' argument missing$/, 'the option $1 has no value')
    .replace(/^missing required argument '(.+)'$/, 'the operand <$1> is missing')
    .replace(
      /\. Expected (\d+) arguments? but got (\d+)\.?$/,
      (_, takes: string, given: string) =>
        `: it takes ${takes === '0' ? 'none' : takes}, and ${given} ${given === '1' ? 'is' : 'are'} given`,
    )
    .replace(/\.$/, '');
  const meant = /Did you mean (?:one of )?(.+)\?/.exec(suggestion ?? '')?.[1];
  const instead = verb === undefined ? undefined : wordsForOption(said, verb);
  const where = instead === undefined ? (meant === undefined ? '' : `did you mean ${meant}? `) : `${instead}; `;
  const help =
    verb === undefined
      ? 'tsimg help shows the commands, tsimg help COMMAND the options of one'
      : `tsimg help ${verb} shows its operands and options`;
  return new TsimgError('USAGE', what, { hint: `${where}${help}`, cause: error });
}

function exitStatusOf(error: unknown, launching: boolean): number {
  if (launching) return launchExitStatus(error);
  return error instanceof TsimgError ? error.exitStatus : 1;
}

/** The verbs that end with the status of a command. */
const LAUNCHING: ReadonlySet<string> = new Set(['run', 'exec', 'unshare']);

/** Returns how errors are shown: by the options, or by the arguments where these could not be parsed. */
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

/** Whether `run` or `exec` printed a result of its own (an ID, a plan), and not the output of a command. */
function isOwnResult(program: Command): boolean {
  const { detach, dryRun } = program.commands.find((command) => command.name() === program.args[0])?.opts() ?? {};
  return detach === true || dryRun === true;
}

/** Returns the error of standard output; undefined where it only lost its reader. */
function outputError(errored: Error | undefined): TsimgError | undefined {
  if (errored === undefined || errnoOf(errored) === 'EPIPE') return undefined;
  return new TsimgError('FILESYSTEM', 'cannot write the result', {
    where: 'standard output',
    why: errored.message,
    cause: errored,
  });
}

/** Runs the verb that the arguments (without node and script) name. Prints its error. Returns the exit status. */
export async function runProgram(args: readonly string[]): Promise<number> {
  let status = 0;
  const setStatus = (value: number) => {
    status = value;
  };
  const program = await createProgram(setStatus, args);
  // A broken stderr is no reason to fail. Errors of stdout are checked below.
  process.stderr.on('error', () => {});
  let broken: Error | undefined;
  process.stdout.on('error', (error) => {
    broken ??= error;
  });
  let helped = false;
  const word = () => program.args[0] ?? args.find((arg) => !arg.startsWith('-')) ?? '';
  const isLaunch = () => LAUNCHING.has(word());
  const verb = () => program.commands.find((command) => command.name() === word())?.name();
  try {
    try {
      await program.parseAsync([...args], { from: 'user' });
    } catch (error) {
      helped = error instanceof CommanderError && error.exitCode === 0;
      if (!helped && (isLaunch() || broken === undefined)) throw error;
    }
    // Errors of the last write arrive one turn of the event loop later.
    await setImmediate();
    // A command that failed in a container has printed its own error.
    if (isLaunch() && status !== 0) return status;
    const failure = outputError(broken);
    if (failure !== undefined) throw failure;
    // A container whose output nobody reads has not failed: its command got SIGPIPE from the kernel.
    return broken === undefined || (isLaunch() && !helped && !isOwnResult(program)) ? status : BROKEN_PIPE_STATUS;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.code === 'commander.help') return USAGE_STATUS;
    const { json, debug } = displayOf(program, args, thrown);
    const failures = severalErrors(thrown) ?? [
      thrown instanceof CommanderError ? usageError(thrown, verb()) : (nodeCallError(thrown) ?? thrown),
    ];
    for (const error of failures) {
      const failure = exitStatusOf(error, isLaunch());
      process.stderr.write(`${json ? formatErrorJson(error, failure) : formatErrorLine(error)}\n`);
      if (debug) process.stderr.write(`${formatErrorDetails(error)}\n`);
    }
    return exitStatusOf(failures[0], isLaunch());
  }
}

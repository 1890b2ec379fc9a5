import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { findVerb } from '../../../src/cli/find-verb.ts';
import { errnoOf } from '../../../src/errors.ts';
import { tempDir } from '../temp-dir.ts';

// Calls of the command in a process that stays, as a caller of the library makes them. A command's start takes twenty
// times as long as what most calls do. That each verb is a process of its own is tested by test/cli/every-verb.test.ts.

/** The descriptors at which the process is asked, and replies. */
export const REQUESTS = 3;
export const REPLIES = 4;
/** The program that makes the calls. */
export const RESIDENT = 'resident-calls.js';
/** The argument of a program that is asked so. */
export const MANY = 'many';
/** Set in a virtual machine (test/machine), where a start takes many times as long: first calls need no process there. */
export const MACHINE_VARIABLE = 'TSIMG_TEST_MACHINE';
export const IS_IN_MACHINE = process.env[MACHINE_VARIABLE] !== undefined;
/** A call that takes longer hangs. */
export const SECONDS = 120;

/** What the process is asked for: a line of JSON. */
export interface Asked {
  readonly args: readonly string[];
  /** The call's TSIMG_ROOT: tests have many stores, and a process for each would be no process that stays. */
  readonly root?: string | undefined;
}

/** Where, and as which user, calls are made. */
export interface Surroundings {
  readonly cwd: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
  /** The words that run a program elsewhere, put before the program's own: in a world of namespaces. */
  readonly within?: readonly string[];
}

/** What came of a call. */
export interface CallResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Verbs that have a terminal, or a process, for themselves. */
const ALONE: ReadonlySet<string> = new Set(['', 'attach', 'unshare']);
/** Verbs that go on until they are interrupted, and the option with which they end by themselves. */
const WATCHING: ReadonlyMap<string, string> = new Map([
  ['events', '--until'],
  ['stats', '--no-stream'],
]);
/** Arguments with which a call reads standard input, or is about its own process. */
const OF_PROCESS = /^(-|--interactive|--tty|--password-stdin|--debug)$/;
/** And their short forms, which mean something else where no command is started. */
const STARTING: ReadonlySet<string> = new Set(['create', 'exec', 'run', 'start']);
const OF_STARTING = /^-[a-zA-Z]*[it][a-zA-Z]*$/;
/** So many calls pay for the start of the process. */
const FEW = 2;

interface Resident {
  call(asked: Asked): CallResult;
}

/** The descriptors of both ends. */
export interface Ends {
  readonly reader: number;
  readonly writer: number;
}

/** A file that is written to at its end only. */
export function openOutput(path: string): Ends {
  return { writer: openSync(path, 'a'), reader: openSync(path, 'r') };
}

/** A named pipe. Both ends are open at once, so that no opening waits. */
function openPipe(path: string): Ends {
  const early = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, constants.O_WRONLY);
  const reader = openSync(path, constants.O_RDONLY);
  closeSync(early);
  return { reader, writer };
}

/** Reads all that was written to a file since the last time. */
export function readNew(file: number): string {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = Buffer.allocUnsafe(65536);
    const length = readSync(file, chunk);
    if (length === 0) return Buffer.concat(chunks).toString();
    chunks.push(chunk.subarray(0, length));
  }
}

function readLine(pipe: number): string {
  const chunk = Buffer.alloc(256);
  let line = '';
  while (!line.endsWith('\n')) {
    const length = readSync(pipe, chunk);
    if (length === 0) return '';
    line += chunk.toString('latin1', 0, length);
  }
  return line;
}

function startResident({ cwd, env, user, within = [] }: Surroundings): Resident {
  const folder = tempDir();
  const [asked, replied] = [join(folder, 'requests'), join(folder, 'replies')];
  const made = spawnSync('mkfifo', [asked, replied], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`mkfifo: ${made.stderr}`);
  const [requests, replies] = [openPipe(asked), openPipe(replied)];
  const [stdout, stderr] = [openOutput(join(folder, 'stdout')), openOutput(join(folder, 'stderr'))];
  const [program = '', ...words] = [...within, process.execPath, join(import.meta.dirname, RESIDENT)];
  const child = spawn(program, words, {
    cwd,
    env,
    stdio: ['ignore', stdout.writer, stderr.writer, requests.reader, replies.writer],
    ...user,
  });
  letRunBeside(child);
  process.on('exit', () => {
    closeSync(requests.writer);
    // Until it has ended
    readLine(replies.reader);
  });
  for (const its of [stdout.writer, stderr.writer, requests.reader, replies.writer]) closeSync(its);
  return {
    call(asked) {
      try {
        writeSync(requests.writer, `${JSON.stringify(asked)}\n`);
      } catch (error) {
        // It has ended, which the reply tells as well
        if (errnoOf(error) !== 'EPIPE') throw error;
      }
      const reply = readLine(replies.reader);
      const output = { stdout: readNew(stdout.reader), stderr: readNew(stderr.reader) };
      if (reply === '')
        throw new Error(`the process of ${asked.args.join(' ')} ended: ${output.stdout}${output.stderr}`);
      return { status: JSON.parse(reply).status, ...output };
    },
  };
}

interface Known {
  calls: number;
  resident?: Resident | undefined;
}

const known = new Map<string, Known>();
let isOff = false;

/** Has each call of this test file be a process of its own: for tests that race with what they call. */
export function callAlone(): void {
  isOff = true;
}

/** Whether `callAlone` was called. */
export function isCallingAlone(): boolean {
  return isOff;
}

/** Processes that no call races with. */
const quiet = new Set<string>();

/** Has calls beside this process be made by one that stays: it has begun, and does nothing that they could overtake. */
export function letRunBeside(child: ChildProcess): void {
  child.unref();
  quiet.add(String(child.pid));
}

/** Takes that back: it does something again. */
export function watchBeside(child: ChildProcess): void {
  quiet.delete(String(child.pid));
}

function hasEnded(pid: string): boolean {
  try {
    return /\) [ZX] [^)]*$/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch (error) {
    // Gone before the file was opened, or before it was read
    if (['ENOENT', 'ESRCH'].includes(errnoOf(error) ?? '')) return true;
    throw error;
  }
}

/** The processes that this one started and that Node has not waited for; undefined on a kernel that does not tell. */
function children(): readonly string[] | undefined {
  try {
    return readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1').split(' ').filter(Boolean);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Whether a process that the test started runs beside the call: it may be slow to begin, and a call that takes no time
 * would be made before. Residents are no such processes.
 */
function isBesideOther(): boolean {
  if (!process.getActiveResourcesInfo().includes('ProcessWrap')) return false;
  // Node counts one that has ended until its loop goes on, and tests make many calls before that
  return children()?.some((pid) => !quiet.has(pid) && !hasEnded(pid)) ?? true;
}

function isAlone(verb: string, args: readonly string[]): boolean {
  // The last `-` of cp is where it writes
  const reading = verb === 'cp' && args.at(-1) === '-' ? args.slice(0, -1) : args;
  if (ALONE.has(verb) || reading.some((arg) => OF_PROCESS.test(arg))) return true;
  const ending = WATCHING.get(verb);
  if (ending !== undefined) return !args.includes(ending);
  if (verb === 'load') return !args.includes('-i');
  return STARTING.has(verb) && args.some((arg) => OF_STARTING.test(arg));
}

/**
 * Makes a call in a process that stays, for the same surroundings with any store. Undefined where it must be a process
 * of its own: one of the first calls (but in a machine), one that reads standard input or is about its process, and one
 * beside a process that the test started.
 */
export function residentCall(args: readonly string[], surroundings: Surroundings): CallResult | undefined {
  const verb = findVerb(args);
  if (isOff || isAlone(verb, args) || isBesideOther()) return undefined;
  const { TSIMG_ROOT: root, ...env } = surroundings.env;
  const shared = { ...surroundings, env };
  const key = JSON.stringify(shared);
  const each = known.get(key) ?? { calls: 0 };
  known.set(key, each);
  each.calls += 1;
  if (!IS_IN_MACHINE && each.calls <= FEW) return undefined;
  each.resident ??= startResident(shared);
  try {
    return each.resident.call({ args, root });
  } catch (error) {
    // The next call gets another one
    delete each.resident;
    throw error;
  }
}

import * as posix from 'node:path/posix';
import { TsimgError } from '../../errors.ts';
import type { RunConfig } from '../run-config.ts';
import { changeRunConfig, commandWords, parsePorts } from './change-run-config.ts';

/** The settings that `clear` empties. */
export const CLEARABLE = [
  'annotations',
  'cmd',
  'entrypoint',
  'env',
  'expose',
  'healthcheck',
  'label',
  'volume',
] as const;

/** A setting that can be emptied. */
export type Clearable = (typeof CLEARABLE)[number];

/**
 * Changes of the settings of an image. In lists, `NAME-` removes an entry. An empty text removes a setting. `clear` is
 * applied first, `changes` last.
 */
export interface RunConfigEdit {
  readonly clear?: readonly Clearable[] | undefined;
  /** `NAME=value`, or `NAME-`. */
  readonly env?: readonly string[] | undefined;
  /** A JSON list, or a command line for `/bin/sh -c`. Without `cmd`, a new entrypoint removes the command. */
  readonly entrypoint?: string | undefined;
  readonly cmd?: string | undefined;
  readonly workdir?: string | undefined;
  readonly user?: string | undefined;
  /** `80/tcp`, `8000-8010`, or with `-` behind it. */
  readonly expose?: readonly string[] | undefined;
  /** A path in the container, or `PATH-`. */
  readonly volume?: readonly string[] | undefined;
  /** `NAME=value`, or `NAME-`. */
  readonly label?: readonly string[] | undefined;
  readonly stopSignal?: string | undefined;
  /** Instructions of a Dockerfile, in order: see `changeRunConfig`. */
  readonly changes?: readonly string[] | undefined;
}

function wrong(option: string, text: string, why: string): TsimgError {
  return new TsimgError('USAGE', `--${option} cannot be used so`, {
    where: text.slice(0, 300),
    why,
    hint: `see tsimg config --help`,
  });
}

/** One change of a list of pairs. */
type PairEdit = { readonly name: string; readonly value: string | undefined };

/** Parses `NAME=value` or `NAME-`. @throws USAGE */
function parsePairEdit(option: string, text: string): PairEdit {
  const equals = text.indexOf('=');
  if (equals > 0) return { name: text.slice(0, equals), value: text.slice(equals + 1) };
  if (equals === -1 && text.length > 1 && text.endsWith('-')) return { name: text.slice(0, -1), value: undefined };
  throw wrong(option, text, 'NAME=VALUE is expected, or NAME- to remove it');
}

/** Applies changes to a map, in their order. @throws USAGE */
export function editPairs(
  before: Readonly<Record<string, string>>,
  option: string,
  edits: readonly string[],
): Readonly<Record<string, string>> {
  const pairs = new Map(Object.entries(before));
  for (const edit of edits) {
    const { name, value } = parsePairEdit(option, edit);
    if (value === undefined) pairs.delete(name);
    else pairs.set(name, value);
  }
  return Object.fromEntries(pairs);
}

function editEnv(before: readonly string[], edits: readonly string[]): readonly string[] {
  let env = before;
  for (const edit of edits) {
    const { name, value } = parsePairEdit('env', edit);
    const isIt = (entry: string) => entry.split('=', 1)[0] === name;
    const at = env.findIndex(isIt);
    const others = env.filter((entry) => !isIt(entry));
    // A variable keeps its place in the list.
    if (value === undefined) env = others;
    else env = at === -1 ? [...env, edit] : [...others.slice(0, at), edit, ...others.slice(at)];
  }
  return env;
}

/** Applies changes to a set of texts. @param parse returns the elements that a text means */
function editSet(
  before: readonly string[],
  edits: readonly string[],
  parse: (text: string) => readonly string[],
): readonly string[] {
  const set = new Set(before);
  for (const edit of edits) {
    const isRemoved = edit.endsWith('-');
    for (const each of parse(isRemoved ? edit.slice(0, -1) : edit)) {
      if (isRemoved) set.delete(each);
      else set.add(each);
    }
  }
  return [...set];
}

function cleared(run: RunConfig, what: readonly Clearable[]): RunConfig {
  const has = (name: Clearable) => what.includes(name);
  return {
    ...run,
    env: has('env') ? [] : run.env,
    cmd: has('cmd') ? [] : run.cmd,
    entrypoint: has('entrypoint') ? [] : run.entrypoint,
    exposedPorts: has('expose') ? [] : run.exposedPorts,
    labels: has('label') ? {} : run.labels,
    volumes: has('volume') ? [] : run.volumes,
    ...(has('healthcheck') ? { healthcheck: undefined } : {}),
  };
}

/**
 * Changes the settings of an image as options say, in the spellings of docker and buildah.
 * @param checkSignal throws for a text that names no signal
 * @throws USAGE
 */
export function editRunConfig(
  before: RunConfig,
  edit: RunConfigEdit,
  checkSignal: (text: string) => unknown,
): RunConfig {
  const { entrypoint, cmd, workdir, user, stopSignal } = edit;
  const { clear = [], env = [], expose = [], volume = [], label = [], changes = [] } = edit;
  if (stopSignal) checkSignal(stopSignal);
  const run = cleared(before, clear);
  const command = (option: string, text: string) =>
    commandWords({ text: text.trim(), fail: (why) => wrong(option, text, why) });
  const keptCmd = entrypoint === undefined ? run.cmd : [];
  const path = (text: string) => {
    if (!text.startsWith('/')) throw wrong('volume', text, 'it takes an absolute path in the container');
    return [text];
  };
  const edited: RunConfig = {
    ...run,
    env: editEnv(run.env, env),
    entrypoint: entrypoint === undefined ? run.entrypoint : command('entrypoint', entrypoint),
    cmd: cmd === undefined ? keptCmd : command('cmd', cmd),
    workingDir: workdir ? posix.resolve('/', run.workingDir, workdir) : (workdir ?? run.workingDir),
    user: user ?? run.user,
    exposedPorts: editSet(run.exposedPorts, expose, (text) => parsePorts(text, (why) => wrong('expose', text, why))),
    volumes: editSet(run.volumes, volume, path),
    labels: editPairs(run.labels, 'label', label),
    stopSignal: stopSignal ?? run.stopSignal,
  };
  return changeRunConfig(edited, changes, checkSignal);
}

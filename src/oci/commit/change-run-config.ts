import * as posix from 'node:path/posix';
import { TsimgError } from '../../errors.ts';
import type { RunConfig } from '../run-config.ts';
import { expandWord, splitQuoted, type WordRules } from './dockerfile-words.ts';
import { parseHealthcheck } from './healthcheck-instruction.ts';

/** One instruction, with the rules for its words. */
interface Instruction extends WordRules {
  readonly text: string;
}

function wrong(instruction: string, why: string): TsimgError {
  return new TsimgError('USAGE', 'not a change of an image', {
    where: instruction,
    why,
    hint: 'CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, STOPSIGNAL, USER, VOLUME and WORKDIR, as in a Dockerfile',
  });
}

/** Parses `["a","b"]`; undefined for text that is no JSON list, and so a line of words. */
function jsonWords({ text, fail }: Pick<Instruction, 'text' | 'fail'>): readonly string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  if (value.every((each) => typeof each === 'string')) return value;
  throw fail('a list holds texts only');
}

/** Parses a command: a JSON list, or a command line for the shell; an empty text is no command. */
export function commandWords(given: Pick<Instruction, 'text' | 'fail'>): readonly string[] {
  return jsonWords(given) ?? (given.text === '' ? [] : ['/bin/sh', '-c', given.text]);
}

/** Parses `NAME=value …`, or one pair in the old form `NAME value`. */
function pairs({ text, ...rules }: Instruction): readonly (readonly [string, string])[] {
  const words = splitQuoted(text);
  const old = words[0]?.includes('=') ? null : /^(\S+)\s+(\S[\s\S]*)$/.exec(text);
  const raw = old === null ? words.map((word) => /^([^=]*)=([\s\S]*)$/.exec(word)) : [old];
  return raw.map((pair) => {
    const name = expandWord(pair?.[1] ?? '', rules);
    if (pair === null || name === '') throw rules.fail('NAME=value is expected');
    return [name, expandWord(pair[2] ?? '', rules)];
  });
}

/**
 * Parses `80`, `80/udp` or `8000-8010/tcp` into one text for each port, with its protocol.
 * @throws the error of `fail`
 */
export function parsePorts(text: string, fail: WordRules['fail']): readonly string[] {
  const [, firstText, lastText = firstText, protocol = 'tcp'] =
    /^([0-9]{1,5})(?:-([0-9]{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(text) ?? [];
  const [first, last] = [Number(firstText), Number(lastText)];
  if (!(first >= 1 && first <= last && last <= 65_535)) throw fail(`${text} is not PORT[-PORT][/tcp|udp|sctp]`);
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${protocol.toLowerCase()}`);
}

function ports({ text, ...rules }: Instruction): readonly string[] {
  return text.split(/\s+/).flatMap((word) => parsePorts(expandWord(word, rules), rules.fail));
}

function paths(given: Instruction): readonly string[] {
  const found = (jsonWords(given) ?? given.text.split(/\s+/)).map((word) => expandWord(word, given));
  if (found.length === 0 || found.includes('')) throw given.fail('a path is expected');
  return found;
}

const union = (one: readonly string[], other: readonly string[]) => [...new Set([...one, ...other])];

/** Splits text of a Dockerfile into lines: comments are skipped, a backslash at the end joins the next line. */
function linesOf(text: string): readonly string[] {
  const plain = text.split(/\r?\n/).filter((line) => !/^\s*#/.test(line));
  return plain
    .join('\n')
    .replace(/\\[ \t]*\n/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '');
}

/**
 * Applies Dockerfile instructions, in order, to the settings of an image: docker's `commit --change`. Variables are
 * those of the image. An ENTRYPOINT removes the image's command, unless a CMD came before it.
 * @param checkSignal throws for a text that names no signal
 * @throws USAGE
 */
export function changeRunConfig(
  before: RunConfig,
  instructions: readonly string[],
  checkSignal: (text: string) => unknown,
): RunConfig {
  let run = before;
  let hasCommand = false;
  for (const instruction of instructions) {
    const lines = linesOf(instruction);
    if (lines.length === 0) throw wrong(instruction, 'it has no instruction');
    for (const line of lines) {
      run = changeOnce({ run, hasCommand }, line, checkSignal);
      hasCommand ||= /^\s*cmd(\s|$)/i.test(line);
    }
  }
  return run;
}

/** The settings after the instructions so far, and whether one of them was a CMD. */
interface Progress {
  readonly run: RunConfig;
  readonly hasCommand: boolean;
}

function changeOnce(
  { run, hasCommand }: Progress,
  instruction: string,
  checkSignal: (text: string) => unknown,
): RunConfig {
  const [, word = '', rest = ''] = /^\s*([A-Za-z]+)(?:\s+([\s\S]*))?$/.exec(instruction) ?? [];
  const given: Instruction = {
    text: rest.trim(),
    variable: (name) => run.env.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1),
    fail: (why) => wrong(instruction, why),
  };
  const name = word.toUpperCase();
  const oneWord = () => {
    const value = expandWord(given.text, given);
    if (value === '') throw given.fail('it has no value');
    return value;
  };
  if (name !== 'CMD' && name !== 'ENTRYPOINT' && given.text === '') throw given.fail('it has no value');
  switch (name) {
    case 'CMD':
      return { ...run, cmd: commandWords(given) };
    case 'ENTRYPOINT':
      return { ...run, entrypoint: commandWords(given), cmd: hasCommand ? run.cmd : [] };
    case 'ENV': {
      const env = new Map(pairs(given));
      const kept = run.env.filter((entry) => !env.has(entry.split('=', 1)[0] ?? ''));
      return { ...run, env: [...kept, ...[...env].map(([each, value]) => `${each}=${value}`)] };
    }
    case 'EXPOSE':
      return { ...run, exposedPorts: union(run.exposedPorts, ports(given)) };
    case 'HEALTHCHECK': {
      const words = (text: string) => jsonWords({ text, fail: given.fail });
      return { ...run, healthcheck: parseHealthcheck(given.text, words, given.fail) };
    }
    case 'LABEL':
      return { ...run, labels: { ...run.labels, ...Object.fromEntries(pairs(given)) } };
    case 'STOPSIGNAL': {
      const signal = oneWord();
      checkSignal(signal);
      return { ...run, stopSignal: signal };
    }
    case 'USER':
      return { ...run, user: oneWord() };
    case 'VOLUME':
      return { ...run, volumes: union(run.volumes, paths(given)) };
    case 'WORKDIR': {
      const path = posix.resolve('/', run.workingDir, oneWord());
      return { ...run, workingDir: path };
    }
    default:
      throw wrong(instruction, word === '' ? 'it has no instruction' : `${word} is not one of those`);
  }
}

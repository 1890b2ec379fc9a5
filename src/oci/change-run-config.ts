import { TsimgError } from '../errors.ts';
import type { RunConfig } from './run-config.ts';

function wrong(instruction: string, why: string): TsimgError {
  return new TsimgError('USAGE', 'not a change of an image', {
    where: instruction,
    why,
    hint: 'CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME and WORKDIR, as in a Dockerfile',
  });
}

/** `["a","b"]`; undefined for what is no such list. */
function jsonWords(text: string): readonly string[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((each) => typeof each === 'string') ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A list as JSON, or a shell's command line. */
function commandWords(text: string): readonly string[] {
  return jsonWords(text) ?? (text === '' ? [] : ['/bin/sh', '-c', text]);
}

/** Words apart by white space, which quotes and backslashes keep together as in a Dockerfile. */
function splitWords(text: string): readonly string[] {
  const words = text.match(/(?:\\.|"(?:\\.|[^"\\])*"|'[^']*'|[^\s"'\\])+/gs) ?? [];
  return words.map((word) =>
    word.replace(/\\(.)|"((?:\\.|[^"\\])*)"|'([^']*)'/gs, (_, escaped?: string, double?: string, single?: string) => {
      return escaped ?? double?.replace(/\\(["\\$])/g, '$1') ?? single ?? '';
    }),
  );
}

/** `NAME=value …`, or the old form of one `NAME value`. */
function pairs(text: string, instruction: string): readonly (readonly [string, string])[] {
  const old = /^([^\s=]+)\s+(\S.*)$/s.exec(text);
  if (old !== null) return [[old[1] ?? '', old[2] ?? '']];
  return splitWords(text).map((word) => {
    const equals = word.indexOf('=');
    if (equals <= 0) throw wrong(instruction, 'NAME=value is wanted');
    return [word.slice(0, equals), word.slice(equals + 1)] as const;
  });
}

function ports(text: string, instruction: string): readonly string[] {
  return splitWords(text).map((port) => {
    if (!/^[0-9]{1,5}(-[0-9]{1,5})?(\/(tcp|udp|sctp))?$/.test(port))
      throw wrong(instruction, 'PORT[/tcp|udp] is wanted');
    return port.includes('/') ? port : `${port}/tcp`;
  });
}

const union = (one: readonly string[], other: readonly string[]) => [...new Set([...one, ...other])];

/** A Dockerfile's instruction applied to how containers of an image start: docker's `commit --change`. @throws USAGE */
export function changeRunConfig(run: RunConfig, instruction: string): RunConfig {
  const [, word = '', given = ''] = /^\s*([A-Za-z]+)(?:\s+(.*))?$/s.exec(instruction) ?? [];
  const text = given.trim();
  const name = word.toUpperCase();
  if (name !== 'CMD' && name !== 'ENTRYPOINT' && text === '') throw wrong(instruction, 'it says nothing');
  switch (name) {
    case 'CMD':
      return { ...run, cmd: commandWords(text) };
    case 'ENTRYPOINT':
      return { ...run, entrypoint: commandWords(text) };
    case 'ENV': {
      const env = pairs(text, instruction);
      const names = new Set(env.map(([each]) => each));
      const kept = run.env.filter((entry) => !names.has(entry.split('=', 1)[0] ?? ''));
      return { ...run, env: [...kept, ...env.map(([each, value]) => `${each}=${value}`)] };
    }
    case 'EXPOSE':
      return { ...run, exposedPorts: union(run.exposedPorts, ports(text, instruction)) };
    case 'LABEL':
      return { ...run, labels: { ...run.labels, ...Object.fromEntries(pairs(text, instruction)) } };
    case 'STOPSIGNAL':
      return { ...run, stopSignal: text };
    case 'USER':
      return { ...run, user: text };
    case 'VOLUME':
      return { ...run, volumes: union(run.volumes, jsonWords(text) ?? splitWords(text)) };
    case 'WORKDIR':
      return { ...run, workingDir: text.startsWith('/') ? text : `${run.workingDir.replace(/\/$/, '')}/${text}` };
    default:
      throw wrong(instruction, word === '' ? 'it has no instruction' : `${word} is not one of those`);
  }
}

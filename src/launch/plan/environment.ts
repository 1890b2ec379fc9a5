import { TsimgError } from '../../errors.ts';

/** docker's PATH for an image without one. */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

type HostEnv = Readonly<Record<string, string | undefined>>;

/**
 * Expands an entry: `NAME=value` stays, `NAME` alone gets the caller's value, or is left out where the caller has none.
 * @throws USAGE
 */
function expand(entry: string, hostEnv: HostEnv): readonly string[] {
  if (entry === '' || entry.startsWith('=')) throw new TsimgError('USAGE', 'not NAME or NAME=value', { where: entry });
  if (entry.includes('\0')) throw new TsimgError('USAGE', 'an environment variable with a zero byte', { where: entry });
  if (entry.includes('=')) return [entry];
  const value = hostEnv[entry];
  return value === undefined ? [] : [`${entry}=${value}`];
}

/** Refuses a name with blanks, as docker does: it is a mistake in most cases. @throws USAGE */
function checkLine(line: string, index: number): string {
  const [name = ''] = line.split('=', 1);
  if (!/\s/.test(name)) return line;
  throw new TsimgError('USAGE', 'the name of a variable has blanks', {
    where: `line ${index + 1} of --env-file: ${line}`,
    hint: 'write NAME=value, or NAME alone, a line; values need no quotes',
  });
}

/**
 * Parses docker's `--env-file`: a variable on each line; `#` comments and blank lines are skipped; nothing is unquoted
 * or expanded. @throws USAGE
 */
export function parseEnvFile(text: string, hostEnv: HostEnv): readonly string[] {
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line) => line.trimStart())
    .map((line, index) => (line.startsWith('#') ? '' : checkLine(line, index)))
    .filter((line) => line !== '')
    .flatMap((line) => expand(line, hostEnv));
}

/** Merges `NAME=value` lists, of which later ones win. Each name is kept once, at its first place. */
export function mergeEnvironment(...lists: readonly (readonly string[])[]): readonly string[] {
  const byName = new Map<string, string>();
  for (const entry of lists.flat()) {
    const equals = entry.indexOf('=');
    if (equals > 0 && !entry.includes('\0')) byName.set(entry.slice(0, equals), entry);
  }
  return [...byName.values()];
}

export interface EnvironmentParts {
  readonly image: readonly string[];
  readonly files: readonly string[];
  readonly options: readonly string[];
  readonly hostname: string;
  readonly terminal: boolean;
  readonly hostEnv: HostEnv;
}

/**
 * Plans the container's environment: the defaults, then the image's, then `--env-file`, then `-e`. Nothing else of the
 * caller's environment gets in. @throws USAGE
 */
export function planEnvironment(parts: EnvironmentParts): readonly string[] {
  const { image, files, options, hostname, terminal, hostEnv } = parts;
  return mergeEnvironment(
    [`PATH=${DEFAULT_PATH}`, `HOSTNAME=${hostname}`],
    terminal ? ['TERM=xterm'] : [],
    image,
    files.flatMap((text) => parseEnvFile(text, hostEnv)),
    options.flatMap((entry) => expand(entry, hostEnv)),
  );
}

/** Returns a variable's value in a `NAME=value` list. */
export function variable(env: readonly string[], name: string): string | undefined {
  return env.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
}

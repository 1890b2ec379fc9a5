import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MAIN } from './tsimg.ts';

/** Where completion is tried: an empty folder, and an environment in which shells find a command `tsimg`. */
export interface CompletionPlace {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The body of a `tsimg` that is the real one, and keeps what it prints: shells ask for the same names again and again.
 * @param said a new folder for that
 */
function realCommand(said: string): string {
  mkdirSync(said);
  return `tsimg() { '${process.execPath}' -- '${MAIN}' "$@"; }
case "$*" in */*) tsimg "$@"; exit ;; esac
said='${said}'/"$*"
if [ ! -e "$said" ]; then
  tsimg "$@" > "$said.new" || exit
  mv "$said.new" "$said"
fi
exec cat "$said"`;
}

/** @param body of the command `tsimg` that shells ask, a script of sh; the real one when absent */
export function completionPlace(folder: string, store: string, body?: string): CompletionPlace {
  const programs = join(folder, 'programs');
  const command = body ?? realCommand(join(folder, 'said'));
  mkdirSync(programs);
  mkdirSync(join(folder, 'here'));
  writeFileSync(join(programs, 'tsimg'), `#!/bin/sh\n${command}\n`, { mode: 0o755 });
  const env = {
    PATH: `${programs}:${process.env.PATH}`,
    HOME: folder,
    TSIMG_ROOT: store,
    TERM: 'dumb',
    LANG: 'C.UTF-8',
  };
  return { folder: join(folder, 'here'), env };
}

const BASH_DRIVER = `
source "$1"
# What readline would be told stands in a line of its own
compopt() { printf 'compopt %s\\n' "$*"; }
for line in "\${@:2}"; do
  COMP_LINE=$line COMP_POINT=\${#line} COMP_TYPE=9 COMP_KEY=9 COMP_WORDS=() COMPREPLY=()
  rest=$line
  # As bash divides a line: at blanks, and at runs of characters that break words, which are words themselves
  while [[ $rest =~ ^[[:space:]]*([:=]+|[^[:space:]:=]+)(.*)$ ]]; do
    COMP_WORDS+=("\${BASH_REMATCH[1]}") rest=\${BASH_REMATCH[2]}
  done
  [[ $line == *[[:space:]] ]] && COMP_WORDS+=('')
  COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
  printf '\\036\\n'
  _tsimg
  printf '%s\\n' "\${COMPREPLY[@]}"
done
`;

const FISH_DRIVER = `
source $argv[1]
for line in $argv[2..]
  printf '\\036\\n'
  complete -C $line
end
`;

/** The lines that a program prints behind each mark. */
function partsOf(
  command: string,
  args: readonly string[],
  { folder, env }: CompletionPlace,
): readonly (readonly string[])[] {
  const { stdout, stderr, error } = spawnSync(command, args, { cwd: folder, env, encoding: 'utf8', timeout: 60_000 });
  if (error !== undefined) throw error;
  if (stderr !== '') throw new Error(`${command} complains: ${stderr}`);
  const [, ...parts] = stdout.split('\u001e\n');
  return parts.map((part) => part.split('\n').filter((line) => line !== ''));
}

/** What bash offers behind each line, and as `compopt …` what it tells readline. @param script its path */
export function bashOffers(
  lines: readonly string[],
  script: string,
  place: CompletionPlace,
): readonly (readonly string[])[] {
  return partsOf('bash', ['--norc', '-c', BASH_DRIVER, 'bash', script, ...lines], place);
}

/** What fish offers behind each line, without descriptions. */
export function fishOffers(
  lines: readonly string[],
  script: string,
  place: CompletionPlace,
): readonly (readonly string[])[] {
  const parts = partsOf('fish', ['--no-config', '-c', FISH_DRIVER, script, ...lines], place);
  return parts.map((part) => part.map((each) => each.split('\t')[0] ?? ''));
}

/**
 * Types into a shell on a terminal: a text and a tabulator; then has the shell print the line that it made of them, and
 * goes on with the next text.
 */
const KEYS_DRIVER = `
import json, os, pty, select, sys, time
setup, texts, *argv = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(argv[0], argv)
seen, looked = b'', 0
def wait_for(text):
    global seen, looked
    end = time.monotonic() + 30
    while (place := seen.find(text, looked)) < 0:
        if time.monotonic() > end:
            return
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                seen += os.read(terminal, 65536)
            except OSError:
                return
    looked = place + len(text)
os.write(terminal, setup.encode() + b"; PS1='> '; echo REA''DY\\n")
wait_for(b'READY\\r\\n')
for text in json.loads(texts):
    wait_for(b'> ')
    os.write(terminal, text.encode() + b'\\t')
    # To the line's begin, and its end: what stands there becomes a word. The shell reads this when it has completed
    os.write(terminal, b"\\x01echo 'LINE=\\x05=' EN''D\\n")
    wait_for(b'END\\r\\n')
os.close(terminal)
os.waitpid(pid, 0)
sys.stdout.buffer.write(seen)
`;

/** The lines that a shell on a terminal makes of what is typed and a tabulator, each in its turn. */
export function completedLines(
  shell: 'bash' | 'zsh',
  typed: readonly string[],
  script: string,
  { folder, env }: CompletionPlace,
): readonly string[] {
  const argv = shell === 'bash' ? ['bash', '--norc', '--noprofile', '-i'] : ['zsh', '-f', '-i'];
  const setup =
    shell === 'bash' ? `source ${script}` : `autoload -U compinit; compinit -u -d ${script}.dump; source ${script}`;
  const { stdout } = spawnSync('python3', ['-c', KEYS_DRIVER, setup, JSON.stringify(typed), ...argv], {
    cwd: folder,
    env,
    encoding: 'utf8',
    timeout: 120_000,
  });
  const lines = [...stdout.matchAll(/^LINE=(.*)= END\r?$/gm)].map(([, line = '']) => line);
  if (lines.length !== typed.length) throw new Error(`not one line for each: ${stdout}`);
  return lines;
}

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MAIN } from './tsimg.ts';

/** Where completion is tried: an empty folder, and an environment in which shells find a command `tsimg`. */
export interface CompletionPlace {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
}

/** @param body of the command `tsimg` that shells ask, a script of sh; the real one when absent */
export function completionPlace(folder: string, store: string, body?: string): CompletionPlace {
  const command = body ?? `exec '${process.execPath}' -- '${MAIN}' "$@"`;
  const programs = join(folder, 'programs');
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
COMP_LINE=$2 COMP_POINT=\${#2} COMP_TYPE=9 COMP_KEY=9 COMP_WORDS=()
rest=$2
# As bash divides a line: at blanks, and at runs of characters that break words, which are words themselves
while [[ $rest =~ ^[[:space:]]*([:=]+|[^[:space:]:=]+)(.*)$ ]]; do
  COMP_WORDS+=("\${BASH_REMATCH[1]}") rest=\${BASH_REMATCH[2]}
done
[[ $2 == *[[:space:]] ]] && COMP_WORDS+=('')
COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
_tsimg
printf '%s\\n' "\${COMPREPLY[@]}"
`;

function linesOf(command: string, args: readonly string[], { folder, env }: CompletionPlace): readonly string[] {
  const { stdout, stderr, error } = spawnSync(command, args, { cwd: folder, env, encoding: 'utf8', timeout: 60_000 });
  if (error !== undefined) throw error;
  if (stderr !== '') throw new Error(`${command} complains: ${stderr}`);
  return stdout.split('\n').filter((line) => line !== '');
}

/** What bash offers behind this line, and as `compopt …` what it tells readline. @param script its path */
export function bashOffers(line: string, script: string, place: CompletionPlace): readonly string[] {
  return linesOf('bash', ['--norc', '-c', BASH_DRIVER, 'bash', script, line], place);
}

/** What fish offers behind this line, without descriptions. */
export function fishOffers(line: string, script: string, place: CompletionPlace): readonly string[] {
  const driver = 'source $argv[1]; complete -C $argv[2]';
  const lines = linesOf('fish', ['--no-config', '-c', driver, script, line], place);
  return lines.map((each) => each.split('\t')[0] ?? '');
}

/** Types into a shell on a terminal: text and a tabulator; then has the shell print the line that it made of them. */
const KEYS_DRIVER = `
import os, pty, select, sys, time
setup, text, *argv = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(argv[0], argv)
seen = b''
def wait_for(text):
    global seen
    end = time.monotonic() + 30
    while text not in seen and time.monotonic() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                seen += os.read(terminal, 65536)
            except OSError:
                return
def quiet(seconds):
    global seen
    while select.select([terminal], [], [], seconds)[0]:
        seen += os.read(terminal, 65536)
os.write(terminal, setup.encode() + b"; echo REA''DY\\n")
wait_for(b'READY\\r\\n')
quiet(0.3)
os.write(terminal, text.encode() + b'\\t')
# To the line's begin, and its end: what stands there becomes a word. The shell reads this when it has completed
os.write(terminal, b"\\x01echo 'LINE=\\x05=' EN''D\\n")
wait_for(b'END\\r\\n')
os.close(terminal)
os.waitpid(pid, 0)
sys.stdout.buffer.write(seen)
`;

/** The line that a shell on a terminal makes of what is typed and a tabulator. */
export function completedLine(
  shell: 'bash' | 'zsh',
  typed: string,
  script: string,
  { folder, env }: CompletionPlace,
): string {
  const argv = shell === 'bash' ? ['bash', '--norc', '--noprofile', '-i'] : ['zsh', '-f', '-i'];
  const setup =
    shell === 'bash' ? `source ${script}` : `autoload -U compinit; compinit -u -d ~/.zcompdump; source ${script}`;
  const { stdout } = spawnSync('python3', ['-c', KEYS_DRIVER, setup, typed, ...argv], {
    cwd: folder,
    env: { ...env, PS1: '$ ' },
    encoding: 'utf8',
    timeout: 120_000,
  });
  const lines = [...stdout.matchAll(/^LINE=(.*)= END\r?$/gm)];
  return lines.at(-1)?.[1] ?? `no line in: ${stdout}`;
}

import { spawnSync } from 'node:child_process';

// Runs the command on a terminal, as somebody who asks for -it sits at one: types `exit`, and shows what it showed.

const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;
const words = [process.execPath, '--', process.env.MAIN ?? '', ...process.argv.slice(2)];
const { status, stdout } = spawnSync('script', ['-qec', words.map(quoted).join(' '), '/dev/null'], { input: 'exit\n' });
process.stdout.write(stdout.toString().replaceAll('\r', ''));
process.exitCode = status ?? 1;

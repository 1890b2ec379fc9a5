// Compiles src, test, fixtures, bench and scripts into dist. Stale output is removed first, so that a
// deleted test can never run on. Plain JavaScript: it is what makes the rest runnable.
import { spawnSync } from 'node:child_process';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const root = dirname(import.meta.dirname);
const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
rmSync(join(root, 'dist'), { recursive: true, force: true });
const { status } = spawnSync(process.execPath, [compiler, '-p', root], { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);
chmodSync(join(root, 'dist', 'src', 'main.js'), 0o755);
const { makeHandProgram } = await import('../dist/src/sys/hand/program.js');
for (const machine of ['x64', 'arm64']) {
  writeFileSync(join(root, 'dist', 'src', 'sys', 'hand', `hand-${machine}`), makeHandProgram(machine), { mode: 0o755 });
}

// Compiles src, test, fixtures, bench and scripts into dist, and adds the scripts that are published (join.mjs). It is
// made beside and takes the name when it is complete: nothing stale is left, so that a deleted test can never run on,
// and a command that is installed from here is there at all times.
// Plain JavaScript: it is what makes the rest runnable.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const root = dirname(import.meta.dirname);
const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
const dist = join(root, 'dist');
const made = join(root, 'dist.new');
const old = join(root, 'dist.old');
const remove = (path) => rmSync(path, { recursive: true, force: true });

remove(made);
const { status } = spawnSync(process.execPath, [compiler, '-p', root, '--outDir', made], { stdio: 'inherit' });
if (status !== 0) {
  remove(made);
  process.exit(status ?? 1);
}
chmodSync(join(made, 'src', 'main.js'), 0o755);
const { makeHandProgram } = await import('../dist.new/src/sys/stub/machine/program.js');
for (const machine of ['x64', 'arm64']) {
  writeFileSync(join(made, 'src', 'sys', 'stub', `stub-${machine}`), makeHandProgram(machine), { mode: 0o755 });
}
try {
  const { joinScripts } = await import('./join.mjs');
  await joinScripts(root, join(made, 'src'));
} catch (error) {
  remove(made);
  const isMissing = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
  console.error(isMissing ? 'a package is missing: run `npm ci` first' : error.message);
  process.exit(1);
}
remove(old);
if (existsSync(dist)) renameSync(dist, old);
renameSync(made, dist);
remove(old);

import { join } from 'node:path';
import { run } from 'uvu/run';

// A program that runs test files in one process: in a machine, a start takes long. Its arguments are their paths in
// dist/test. Each file's name is a line before its tests.

await run(process.argv.slice(2).map((name) => ({ name, file: join(import.meta.dirname, '..', name) })));

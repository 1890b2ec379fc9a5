import { programModule } from './program-module.ts';
import type { CallResult } from './resident-command.ts';

// A program that runs calls of the command one after the other, as a process for each would. Its argument is a list of
// arguments for each, in JSON. It prints what came of them, in JSON.

/** Keeps what is written to a stream. Returns a function that gives it out. */
function keepWritten(stream: NodeJS.WriteStream): () => string {
  const chunks: Buffer[] = [];
  Reflect.set(stream, 'write', (chunk: string | Uint8Array, ...rest: readonly unknown[]) => {
    chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : Buffer.from(chunk));
    for (const each of rest) if (typeof each === 'function') process.nextTick(each);
    return true;
  });
  return () => Buffer.concat(chunks.splice(0)).toString();
}

const [argument] = process.argv.slice(2);
if (argument !== undefined) {
  const { runProgram } = await programModule<typeof import('../../../src/cli/program.ts')>('cli/program');
  const calls: readonly (readonly string[])[] = JSON.parse(argument);
  const print = process.stdout.write.bind(process.stdout);
  const [stdout, stderr] = [keepWritten(process.stdout), keepWritten(process.stderr)];
  const results: CallResult[] = [];
  for (const args of calls) {
    const status = await runProgram(args);
    results.push({ status, stdout: stdout(), stderr: stderr() });
    // Each call adds its own
    for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners('error');
  }
  print(JSON.stringify(results));
}

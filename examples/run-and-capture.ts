// Runs a command in a container and uses its output: run-and-capture.ts SOURCE
import { runContainer, TsimgError } from 'tsimg';

const [source = 'alpine:3.20'] = process.argv.slice(2);

// The container is removed afterwards; a status that is not 0 is no error.
const listed = await runContainer(source, ['ls', '/bin'], { network: 'none', readOnly: true });
console.log(`status ${listed.exitCode}, ${listed.stdout.trim().split('\n').length} programs`);

const counted = await runContainer(source, ['wc', '-c'], { network: 'none', stdin: 'twelve bytes' });
console.log(`${counted.stdout.trim()} bytes`);

try {
  await runContainer(source, ['sleep', '60'], { network: 'none', timeout: 500 });
} catch (error) {
  if (!(error instanceof TsimgError) || error.code !== 'LIMIT_EXCEEDED') throw error;
  console.log('it was killed after half a second');
}

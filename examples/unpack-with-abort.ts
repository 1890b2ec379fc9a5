// Unpacks an image, or leaves nothing behind when it is stopped: unpack-with-abort.ts SOURCE DIRECTORY [SECONDS]
import { unpackSource } from 'tsimg';

const [source = 'alpine:3.20', directory = './rootfs', seconds = '60'] = process.argv.slice(2);
// The library installs no signal handlers: what Ctrl-C does is for the program to say.
const stop = new AbortController();
process.once('SIGINT', () => stop.abort(new Error('stopped by Ctrl-C')));
const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(Number(seconds) * 1000)]);

try {
  const { names, tolerated } = await unpackSource(source, directory, { signal });
  console.log(`${names} names in ${directory}`);
  // What the image says and this host could not do, such as an owner that an ordinary user cannot give
  for (const [what, count] of tolerated) console.log(`${what}: ${count}`);
} catch (error) {
  if (!signal.aborted) throw error;
  console.error(`${directory} is as it was before: ${signal.reason}`);
  process.exitCode = 130;
}

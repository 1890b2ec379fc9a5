import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { readLines } from '../../../src/host/stdio/read-messages.ts';
import { programModule } from './program-module.ts';
import { type Asked, REPLIES, REQUESTS, SECONDS } from './resident-command.ts';

// A program that makes calls of the command as it is asked to, one after the other: resident-command.ts starts it. Its
// standard output and error are files, which commands in containers write to as well.

/** Kinds of what keeps a process from ending. A pipe that nobody reads is among the others, and does not. */
const KEEPING = /^(ProcessWrap|Timeout|Worker|MessagePort|FSReq.*)$/;

function keepingNow(): readonly string[] {
  return process.getActiveResourcesInfo().filter((kind) => KEEPING.test(kind));
}

/** A call's process ends when nothing keeps it from that: waits until then. @param idle what did before the call */
async function settled(idle: readonly string[]): Promise<void> {
  const end = Date.now() + SECONDS * 1000;
  const added = () => {
    const before = [...idle];
    return keepingNow().filter((kind) => {
      const at = before.indexOf(kind);
      if (at >= 0) before.splice(at, 1);
      return at < 0;
    });
  };
  for (let pause = 0; added().length > 0; pause = Math.min(pause + 1, 20)) {
    if (Date.now() > end) throw new Error(`the call does not end because of ${added().join(' ')}`);
    await sleep(pause);
  }
}

const { runProgram } = await programModule<typeof import('../../../src/cli/program.ts')>('cli/program');
const replies = new Socket({ fd: REPLIES, readable: false, writable: true });
const requests = readLines(new Socket({ fd: REQUESTS, readable: true, writable: false }));
replies.unref();

for await (const line of requests) {
  const { args, root }: Asked = JSON.parse(line);
  if (root === undefined) delete process.env.TSIMG_ROOT;
  else process.env.TSIMG_ROOT = root;
  const idle = keepingNow();
  const late = setTimeout(() => {
    console.error(`the call has not ended after ${SECONDS} s`);
    process.exit(1);
  }, SECONDS * 1000).unref();
  const status = await runProgram(args);
  await settled(idle);
  clearTimeout(late);
  // Each call adds its own
  for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners('error');
  replies.write(`${JSON.stringify({ status })}\n`);
}
process.exit(0);

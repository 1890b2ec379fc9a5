import { Socket } from 'node:net';
import { readLines } from '../../../src/host/stdio/read-messages.ts';
import type { RunRequest } from '../../../src/launch/plan/run-request.ts';
import { programModule } from '../command/program-module.ts';
import { MANY, REPLIES, REQUESTS } from '../command/resident-command.ts';

// A program that runs one container as the verb does, or many, one after the other. Its argument is the request, in
// JSON; or MANY, and requests are lines of one descriptor, and statuses lines of another. An error is the last line of
// standard error, in JSON.

export interface ContainerRequest {
  /** A root filesystem; or, with `store`, an image in any form of SOURCE. */
  readonly rootfs: string;
  readonly store?: string;
  readonly request: Partial<RunRequest>;
}

type Run = (what: ContainerRequest) => Promise<number>;

async function loadRun(): Promise<Run> {
  const { TsimgError } = await programModule<typeof import('../../../src/errors.ts')>('errors');
  const { completeRequest } =
    await programModule<typeof import('../../../src/launch/plan/run-request.ts')>('launch/plan/run-request');
  const { launchExitStatus } =
    await programModule<typeof import('../../../src/launch/show/exit-status.ts')>('launch/show/exit-status');
  const { processSignals } =
    await programModule<typeof import('../../../src/host/stdio/signal-source.ts')>('host/stdio/signal-source');
  const { runSource } =
    await programModule<typeof import('../../../src/verbs/run/run-source.ts')>('verbs/run/run-source');
  return async ({ rootfs, store, request: asked }) => {
    try {
      return await runSource(
        rootfs,
        { ...completeRequest({ command: [], network: 'none' }), ...asked },
        {
          root: store,
          life: { remove: true },
          onEvent: (event) => console.error(JSON.stringify(event)),
          signals: processSignals,
        },
      );
    } catch (error) {
      const parts =
        error instanceof TsimgError ? { code: error.code, message: error.message } : { message: String(error) };
      console.error(JSON.stringify(parts));
      return launchExitStatus(error);
    }
  };
}

const [argument] = process.argv.slice(2);
if (argument === MANY) {
  const run = await loadRun();
  const replies = new Socket({ fd: REPLIES, readable: false, writable: true });
  const requests = readLines(new Socket({ fd: REQUESTS, readable: true, writable: false }));
  for await (const line of requests) replies.write(`${await run(JSON.parse(line))}\n`);
  process.exit(0);
} else if (argument !== undefined) {
  const run = await loadRun();
  process.exitCode = await run(JSON.parse(argument));
}

import type { RunRequest } from '../../src/launch/plan/run-request.ts';
import { programModule } from './program-module.ts';

// A program that runs one container as the verb does. Its argument is the request, in JSON. An error is the last line
// of standard error, in JSON.

export interface ContainerRequest {
  /** A root filesystem; or, with `store`, an image in any form of SOURCE. */
  readonly rootfs: string;
  readonly store?: string;
  readonly request: Partial<RunRequest>;
}

const [argument] = process.argv.slice(2);
if (argument !== undefined) {
  const { TsimgError } = await programModule<typeof import('../../src/errors.ts')>('errors');
  const { completeRequest } =
    await programModule<typeof import('../../src/launch/plan/run-request.ts')>('launch/plan/run-request');
  const { launchExitStatus } =
    await programModule<typeof import('../../src/launch/show/exit-status.ts')>('launch/show/exit-status');
  const { processSignals } =
    await programModule<typeof import('../../src/host/stdio/signal-source.ts')>('host/stdio/signal-source');
  const { runSource } = await programModule<typeof import('../../src/verbs/run/run-source.ts')>('verbs/run/run-source');
  const { rootfs, store, request: asked }: ContainerRequest = JSON.parse(argument);
  try {
    process.exitCode = await runSource(
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
    process.exitCode = launchExitStatus(error);
  }
}

import { TsimgError } from '../../src/errors.ts';
import { processSignals } from '../../src/host/stdio/signal-source.ts';
import { completeRequest, type RunRequest } from '../../src/launch/plan/run-request.ts';
import { launchExitStatus } from '../../src/launch/show/exit-status.ts';
import { runSource } from '../../src/verbs/run/run-source.ts';

// A process of its own that runs one container as the verb does: what it was asked for is its argument, as JSON; an error
// is the last line of standard error, as JSON.

export interface ContainerRequest {
  /** A root filesystem; or, with `store`, an image in any form of SOURCE. */
  readonly rootfs: string;
  readonly store?: string;
  readonly request: Partial<RunRequest>;
}

const PLAIN: RunRequest = completeRequest({ command: [], network: 'none' });

const [argument] = process.argv.slice(2);
if (argument !== undefined) {
  const { rootfs, store, request: asked }: ContainerRequest = JSON.parse(argument);
  try {
    process.exitCode = await runSource(
      rootfs,
      { ...PLAIN, ...asked },
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

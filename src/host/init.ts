import { readlinkSync, readSync, writeSync } from 'node:fs';
import { TsimgError } from '../errors.ts';
import { openPipe } from '../sys/pipe.ts';
import { DESCRIPTOR, type StageMessage, type StageOrders } from './channel.ts';
import { portableError } from './portable-error.ts';
import { becomeCommand } from './stage-command.ts';
import { performSteps } from './stage-steps.ts';
import { openContainerTerminal } from './stage-terminal.ts';

// The stage: process 1 of the container's namespaces until it becomes the container's command. It imports little, for it
// starts with every container, and all of it at once, for after the pivot there are no files of the host any more.

function tell(message: StageMessage): void {
  writeSync(DESCRIPTOR.status, `${JSON.stringify(message)}\n`);
}

let held = Buffer.alloc(0);

/** The next line that the caller sent. The end of the stream means that the caller is gone. */
function readLine(): string {
  for (;;) {
    const end = held.indexOf(0x0a);
    if (end !== -1) {
      const line = held.toString('utf8', 0, end);
      held = held.subarray(end + 1);
      return line;
    }
    const chunk = Buffer.alloc(64 * 1024);
    const count = readSync(DESCRIPTOR.control, chunk);
    if (count === 0) throw new TsimgError('LAUNCH_FAILED', 'the caller is gone');
    held = Buffer.concat([held, chunk.subarray(0, count)]);
  }
}

/** Closed by execve(2), and by death: its other end, which the caller fetches, tells when the command really runs. */
const execution = openPipe();

function launch(): void {
  tell({ kind: 'started', pid: Number(readlinkSync('/proc/self')), execution: execution.read });
  const { plan, cgroups, filter }: StageOrders = JSON.parse(readLine());
  process.umask(0);
  const prepared = performSteps(plan.steps, cgroups, (rootFd) =>
    openContainerTerminal(rootFd, (fd) => {
      tell({ kind: 'terminal', fd });
      readLine();
    }),
  );
  const program = filter === undefined ? undefined : Buffer.from(filter, 'base64');
  becomeCommand(plan.command, prepared, program, () => tell({ kind: 'ready' }));
}

try {
  launch();
} catch (error) {
  tell({ kind: 'error', error: portableError(error) });
  writeSync(execution.write, 'failed');
}

import { completeRequest, type RunRequest } from '../../../src/launch/plan/run-request.ts';
import { rootfsTarget } from '../../../src/verbs/run/run-source.ts';
import { startHere } from '../../../src/verbs/run/start-here.ts';

// A program that runs containers in its own process until it is killed, several at a time: some end at once, some
// never. Its argument is JSON.

export interface HereProgram {
  readonly rootfs: string;
  readonly stateRoot: string;
  /** What each container in turn is asked for. */
  readonly requests: readonly Partial<RunRequest>[];
}

const [argument] = process.argv.slice(2);
if (argument !== undefined) {
  const { rootfs, stateRoot, requests }: HereProgram = JSON.parse(argument);
  const target = await rootfsTarget(rootfs);
  for (let round = 0; ; round += 1) {
    const each = requests.map(async (asked, index) => {
      const command = ['/bin/sleep', (round + index) % 3 === 2 ? '1000' : '0'];
      const request = completeRequest({ command, network: 'none', ...asked });
      const { ended } = await startHere(target, request, { stateRoot, life: { remove: true } });
      if (command[1] === '0') await ended;
    });
    await Promise.all(each);
    if (round % 4 === 3) await new Promise((resolve) => setTimeout(resolve, 100_000));
  }
}

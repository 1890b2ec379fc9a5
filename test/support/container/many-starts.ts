import { completeRequest, type RunRequest } from '../../../src/launch/plan/run-request.ts';
import { runSource } from '../../../src/verbs/run/run-source.ts';

// A program that runs containers one after the other, one for each request. Its argument is JSON. It fails when a
// container fails.

export interface ManyStarts {
  readonly rootfs: string;
  readonly requests: readonly Partial<RunRequest>[];
  readonly times: number;
}

const [argument] = process.argv.slice(2);
if (argument !== undefined) {
  const { rootfs, requests, times }: ManyStarts = JSON.parse(argument);
  for (let index = 0; index < times; index += 1) {
    const request = completeRequest({ command: [], network: 'none', ...requests[index % requests.length] });
    const status = await runSource(rootfs, request, { life: { remove: true } });
    if (status !== 0) throw new Error(`start ${index} ended with ${status}`);
  }
}

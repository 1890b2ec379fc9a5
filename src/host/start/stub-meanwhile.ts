import { type StartedStub, startStub } from '../../sys/stub/start-stub.ts';

/** Starts a stub while the caller prepares other things. A leftover stub is killed at the end. */
export function stubMeanwhile(
  start: () => Promise<StartedStub> = startStub,
): AsyncDisposable & { readonly stub: Promise<StartedStub> } {
  const stub = start();
  const settled = stub.catch(() => undefined);
  return {
    stub,
    async [Symbol.asyncDispose]() {
      const started = await settled;
      started?.process.kill('SIGKILL');
      started?.stub.close();
      await started?.process.ended;
    },
  };
}

import { type StartedStub, type StubOptions, startStub } from '../../sys/stub/start-stub.ts';

/** Starts a stub while the caller prepares other things. A leftover stub is killed at the end. */
export function stubMeanwhile(options?: StubOptions): AsyncDisposable & { readonly stub: Promise<StartedStub> } {
  const stub = startStub(options);
  const settled = stub.catch(() => undefined);
  return {
    stub,
    async [Symbol.asyncDispose]() {
      const process = (await settled)?.process;
      process?.kill('SIGKILL');
      await process?.ended;
    },
  };
}

import { type HandOptions, type StartedHand, startHand } from '../../sys/stub/start-stub.ts';

/** Starts a hand while other things are made ready; what of it is left in the end is killed. */
export function handMeanwhile(options?: HandOptions): AsyncDisposable & { readonly hand: Promise<StartedHand> } {
  const hand = startHand(options);
  const settled = hand.catch(() => undefined);
  return {
    hand,
    async [Symbol.asyncDispose]() {
      const process = (await settled)?.process;
      process?.kill('SIGKILL');
      await process?.ended;
    },
  };
}

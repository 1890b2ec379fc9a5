import { haveTerminal, openPrompt } from './prompt.ts';

/**
 * Asks on a terminal whether to go on. Without a terminal nobody could answer: the answer is `unasked`.
 * @param what the sentences before the question
 */
export async function confirm(what: string, signal: AbortSignal, unasked: boolean): Promise<boolean> {
  if (!haveTerminal()) return unasked;
  using prompt = openPrompt(signal);
  // The end of input is a no.
  const answer = (await prompt.ask(`${what} Go on? [y/N] `)) ?? '';
  signal.throwIfAborted();
  return /^y(es)?$/i.test(answer.trim());
}

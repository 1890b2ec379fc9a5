import { TsimgError } from '../errors.ts';
import { haveTerminal, openPrompt } from './prompt.ts';

/**
 * Asks on a terminal whether to go on. What is removed does not come back, so without a terminal the call is refused.
 * @param what the sentences before the question
 * @param option the option that answers yes beforehand, such as `--force`
 * @throws USAGE without a terminal, with that option
 */
export async function confirm(what: string, option: string, signal: AbortSignal): Promise<boolean> {
  if (!haveTerminal()) {
    const why = 'there is no terminal to ask at';
    throw new TsimgError('USAGE', 'nothing is removed without a yes', { why, hint: `give ${option}` });
  }
  using prompt = openPrompt(signal);
  // The end of input is a no.
  const answer = (await prompt.ask(`${what} Go on? [y/N] `)) ?? '';
  signal.throwIfAborted();
  return /^y(es)?$/i.test(answer.trim());
}

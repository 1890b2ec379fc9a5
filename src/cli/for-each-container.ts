import type { Command } from 'commander';
import { throwAll } from '../errors.ts';
import { type ContainersContext, statePlace } from '../verbs/places.ts';
import { doEach } from './do-each.ts';
import { type CommonOptions, inSession, withCommon } from './session.ts';

/**
 * Defines a verb that does one thing with each of several containers, and prints for each its operand, or the number
 * that `act` resolves with. A failure does not keep the verb from the other containers; all of them are thrown at the
 * end.
 * @param insteadOf does something else with all of them, where it returns true
 * @throws the error of `act`; an AggregateError of several
 */
export function forEachContainer<Choice extends CommonOptions>(
  command: Command,
  act: (container: string, options: Choice, context: ContainersContext) => Promise<unknown>,
  insteadOf?: (containers: readonly string[], options: Choice) => Promise<boolean>,
): void {
  command.argument('<container...>', 'names or IDs of containers');
  withCommon(command).action(async (containers: string[], _: unknown, invoked: Command) => {
    const options: Choice = invoked.optsWithGlobals();
    if (await insteadOf?.(containers, options)) return;
    await inSession(options, async ({ context, print }) => {
      const places = { ...context, stateRoot: statePlace(options) };
      const failures = await doEach(containers, context.signal, async (container) => {
        const result = await act(container, options, places);
        print(typeof result === 'number' ? String(result) : container);
      });
      throwAll(failures);
    });
  });
}

import type { Command } from 'commander';
import { type ContainersContext, statePlace } from '../verbs/places.ts';
import { type CommonOptions, inSession, withCommon } from './session.ts';

/**
 * Defines a verb that does one thing with each of several containers, and prints for each its operand, or the number
 * that `act` resolves with. A failure does not keep the verb from the other containers; the first one is thrown at the
 * end.
 */
export function forEachContainer<Choice extends CommonOptions>(
  command: Command,
  act: (container: string, options: Choice, context: ContainersContext) => Promise<unknown>,
): void {
  command.argument('<container...>', 'names or IDs of containers');
  withCommon(command).action(async (containers: string[], _: unknown, invoked: Command) => {
    const options: Choice = invoked.optsWithGlobals();
    await inSession(options, async ({ context, print }) => {
      const places = { ...context, stateRoot: statePlace(options) };
      let failure: unknown;
      for (const container of containers) {
        try {
          const result = await act(container, options, places);
          print(typeof result === 'number' ? String(result) : container);
        } catch (error) {
          failure ??= error;
        }
      }
      if (failure !== undefined) throw failure;
    });
  });
}

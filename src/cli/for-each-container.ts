import type { Command } from 'commander';
import { statePlace } from '../verbs/run/state-place.ts';
import { type CommonOptions, inSession, type Session, withCommon } from './session.ts';

/** Defines a verb that does one thing with each of several containers and prints what it was asked for. */
export function forEachContainer<Choice extends CommonOptions>(
  command: Command,
  act: (stateRoot: string, container: string, options: Choice, session: Session) => Promise<unknown>,
): void {
  command.argument('<container...>', 'names or IDs');
  withCommon(command).action(async (containers: string[], _: unknown, invoked: Command) => {
    const options: Choice = invoked.optsWithGlobals();
    await inSession(options, async (session) => {
      const stateRoot = statePlace(options);
      let failure: unknown;
      for (const container of containers) {
        try {
          const result = await act(stateRoot, container, options, session);
          session.print(typeof result === 'number' ? String(result) : container);
        } catch (error) {
          // The others are none the worse for it; the first failure is told at the end.
          failure ??= error;
        }
      }
      if (failure !== undefined) throw failure;
    });
  });
}

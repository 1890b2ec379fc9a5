import type { Command } from 'commander';
import { statePlace } from '../../verbs/run/state-place.ts';
import { wholeNumber } from '../option/life.ts';
import { type CommonOptions, inSession, type Session, withCommon } from '../session.ts';

interface StopChoice extends CommonOptions {
  readonly time?: number;
  readonly signal?: string;
}

interface RemoveChoice extends CommonOptions {
  readonly force?: boolean;
}

/** Defines a verb that does one thing with each of several containers and prints what it was asked for. */
function addForEach<Choice extends CommonOptions>(
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

/** `tsimg start`, `stop`, `restart`, `kill`, `wait` and `rm`. */
export function addContainerChanges(program: Command): void {
  addForEach(
    program
      .command('start')
      .description('Start containers that have ended once more, in the background, with all that they changed.'),
    async (stateRoot, container, _, { context }) => {
      const { startEnded } = await import('../../verbs/run/start-container.ts');
      await startEnded(stateRoot, container, context);
    },
  );
  addForEach<StopChoice>(
    program
      .command('stop')
      .description('End containers: their stop signal first, SIGKILL if that does not do.')
      .option('-t, --time <seconds>', 'how long to wait before SIGKILL (10, or what run was told)', wholeNumber)
      .option('-s, --signal <signal>', 'instead of the stop signal'),
    async (stateRoot, container, { time, signal }, { context }) => {
      const { stopContainer } = await import('../../verbs/run/signal-container.ts');
      await stopContainer(stateRoot, container, { timeout: time, signal }, context.signal);
    },
  );
  addForEach<StopChoice>(
    program
      .command('restart')
      .description('Stop containers, and start them again.')
      .option('-t, --time <seconds>', 'how long to wait before SIGKILL (10, or what run was told)', wholeNumber),
    async (stateRoot, container, { time }, { context }) => {
      const { restartContainer } = await import('../../verbs/run/start-container.ts');
      await restartContainer(stateRoot, container, { timeout: time }, context);
    },
  );
  addForEach<StopChoice>(
    program
      .command('kill')
      .description('Send a signal to the command of containers.')
      .option('-s, --signal <signal>', 'a name or a number (KILL)'),
    async (stateRoot, container, { signal }) => {
      const { killContainer } = await import('../../verbs/run/signal-container.ts');
      await killContainer(stateRoot, container, signal);
    },
  );
  addForEach(
    program.command('wait').description('Wait until containers have ended, and print their exit statuses.'),
    async (stateRoot, container, _, { context }) => {
      const { waitForContainer } = await import('../../verbs/run/signal-container.ts');
      return waitForContainer(stateRoot, container, context.signal);
    },
  );
  addForEach<RemoveChoice>(
    program
      .command('rm')
      .description('Remove containers, with all that they changed.')
      .option('-f, --force', 'also those that run, which are killed'),
    async (stateRoot, container, { force }, { context }) => {
      const { removeContainerOf } = await import('../../verbs/run/remove-container.ts');
      await removeContainerOf(stateRoot, container, { force }, context.signal);
    },
  );
}

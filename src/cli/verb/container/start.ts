import type { Command } from 'commander';
import { TsimgError } from '../../../errors.ts';
import { statePlace } from '../../../verbs/places.ts';
import { type AttachOptions, attachRequest, withAttach } from '../../attach-options.ts';
import { forEachContainer } from '../../for-each-container.ts';
import { printEnd } from '../../print-end.ts';
import { type CommonOptions, inSession } from '../../session.ts';

interface StartOptions extends CommonOptions, AttachOptions {
  readonly attach?: boolean;
  readonly interactive?: boolean;
}

async function startInFront(container: string, options: StartOptions): Promise<number> {
  return await inSession(options, async (session) => {
    const { startAttached } = await import('../../../verbs/attach/attach-container.ts');
    const request = attachRequest(options, options.interactive ?? false, session);
    const places = { ...session.context, stateRoot: statePlace(options) };
    return printEnd(await startAttached(container, request, places), session);
  });
}

/** Adds `tsimg start`. */
export function addStart(program: Command, setStatus: (status: number) => void): void {
  const start = program
    .command('start')
    .description('Start created containers, and ended ones again with all that they changed, in the background.')
    .option('-a, --attach', 'connect with the streams of the container, and end with its status')
    .option('-i, --interactive', 'as --attach, and pass standard input on, too');
  forEachContainer<StartOptions>(
    withAttach(start),
    async (container, _, context) => {
      const { startEnded } = await import('../../../verbs/run/restart-container.ts');
      await startEnded(container, context);
    },
    async (containers, options) => {
      const [container, ...others] = containers;
      if (container === undefined || !(options.attach || options.interactive)) return false;
      if (others.length > 0)
        throw new TsimgError('USAGE', '--attach and --interactive take one container', {
          hint: 'start the others without them',
        });
      setStatus(await startInFront(container, options));
      return true;
    },
  );
}

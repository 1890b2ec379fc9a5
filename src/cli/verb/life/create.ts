import type { Command } from 'commander';
import { type RunOptions, runRequest, runSettings, withRun } from '../../run-options.ts';
import { inSession } from '../../session.ts';

/** Adds `tsimg create`. */
export function addCreate(program: Command): void {
  const command = program
    .command('create')
    .description('Make a container of an image, or of a root filesystem, that tsimg start runs; print its ID.');
  withRun(command).action(async (source: string, words: string[], _: unknown, invoked: Command) => {
    const options: RunOptions = invoked.optsWithGlobals();
    const request = await runRequest(words, options);
    await inSession(options, async (session) => {
      const { createSource } = await import('../../../verbs/run/run-source.ts');
      session.print(await createSource(source, request, runSettings(options, session)));
    });
  });
}

import type { Command } from 'commander';
import { statePlace } from '../../../verbs/places.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';
import { displayName } from '../../show/escape.ts';

const LETTERS = { added: 'A', changed: 'C', deleted: 'D' } as const;

/** Adds `tsimg diff`. */
export function addDiff(program: Command): void {
  const diff = program
    .command('diff')
    .description('List the files that a container added (A), changed (C) or deleted (D).')
    .argument('<container>', 'a name or an ID');
  withCommon(diff).action(async (container: string, _: unknown, invoked: Command) => {
    const options: CommonOptions = invoked.optsWithGlobals();
    await inSession(options, async ({ context, print, printJson }) => {
      const { containerChanges } = await import('../../../verbs/changes/container-changes.ts');
      const found = await containerChanges(container, { ...context, stateRoot: statePlace(options) });
      const changes = found.map(({ kind, path }) => ({ kind, path: `/${displayName(path)}` }));
      if (options.json) printJson(changes);
      else for (const { kind, path } of changes) print(`${LETTERS[kind]} ${path}`);
    });
  });
}

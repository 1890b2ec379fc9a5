import type { Command } from 'commander';
import { TsimgError } from '../../../errors.ts';
import type { ContainerPath } from '../../../verbs/changes/copy-files.ts';
import { statePlace } from '../../../verbs/places.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';

interface CopyChoice extends CommonOptions {
  readonly archive?: boolean;
  readonly followLink?: boolean;
}

/** `CONTAINER:PATH`; undefined for a path of the host, or `-`: docker's rule, so that ./a:b names a file. */
export function parseContainerPath(text: string): ContainerPath | undefined {
  const colon = text.indexOf(':');
  if (colon <= 0 || text.startsWith('/') || text.startsWith('.')) return undefined;
  return { container: text.slice(0, colon), path: text.slice(colon + 1) };
}

function usage(what: string): TsimgError {
  return new TsimgError('USAGE', what, { hint: 'tsimg cp CONTAINER:PATH DEST, or tsimg cp SOURCE CONTAINER:PATH' });
}

/** `tsimg cp` */
export function addCp(program: Command): void {
  const command = program
    .command('cp')
    .description('Copy files out of a container or into one, running or not; - is a tar archive.')
    .argument('<source>', 'CONTAINER:PATH, a path, or -')
    .argument('<destination>', 'a path or -, or CONTAINER:PATH')
    .option('-a, --archive', 'keep owners, set-ID bits and extended attributes')
    .option('-L, --follow-link', 'copy what a symbolic link SOURCE leads to');
  withCommon(command).action(async (source: string, destination: string, _: unknown, invoked: Command) => {
    const options: CopyChoice = invoked.optsWithGlobals();
    const [from, to] = [parseContainerPath(source), parseContainerPath(destination)];
    if (from !== undefined && to !== undefined) throw usage('nothing is copied from container to container');
    if (to !== undefined && to.path === '') throw usage('the path in the container is missing');
    await inSession(options, async ({ context }) => {
      const { copyFromContainer, copyToContainer } = await import('../../../verbs/changes/copy-files.ts');
      const { archive, followLink: follow } = options;
      const choice = { ...context, stateRoot: statePlace(options), archive, follow };
      if (to !== undefined) return await copyToContainer(source === '-' ? process.stdin : source, to, choice);
      if (from === undefined || from.path === '') throw usage('no container is named');
      if (destination === '-' && process.stdout.isTTY) {
        throw new TsimgError('USAGE', 'an archive is not written to a terminal', {
          hint: 'redirect it, or name a path',
        });
      }
      await copyFromContainer(from, destination === '-' ? process.stdout : destination, choice);
    });
  });
}

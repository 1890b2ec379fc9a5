import type { Command } from 'commander';
import { TsimgError } from '../../../errors.ts';
import type { ContainerPath } from '../../../verbs/changes/copy-files.ts';
import { statePlace } from '../../../verbs/places.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';

interface CopyChoice extends CommonOptions {
  readonly archive?: boolean;
  readonly followLink?: boolean;
}

/** Parses `CONTAINER:PATH`. Undefined for a path of the host and `-`. As in docker, ./a:b is a path of the host. */
export function parseContainerPath(text: string): ContainerPath | undefined {
  const colon = text.indexOf(':');
  if (colon <= 0 || text.startsWith('/') || text.startsWith('.')) return undefined;
  return { container: text.slice(0, colon), path: text.slice(colon + 1) };
}

function usage(what: string): TsimgError {
  return new TsimgError('USAGE', what, {
    hint: 'write tsimg cp CONTAINER:PATH DEST, or tsimg cp SOURCE CONTAINER:PATH',
  });
}

/** Adds `tsimg cp`. */
export function addCp(program: Command): void {
  const command = program
    .command('cp')
    .description('Copy files between a container, running or not, and this host.')
    .argument('<source>', 'CONTAINER:PATH, a path of the host, or - (a tar archive on stdin)')
    .argument('<destination>', 'CONTAINER:PATH, a path of the host, or - (a tar archive on stdout)')
    .option('-a, --archive', 'keep owners, set-ID bits and extended attributes')
    .option('-L, --follow-link', 'follow SOURCE where it is a symbolic link');
  withCommon(command).action(async (source: string, destination: string, _: unknown, invoked: Command) => {
    const options: CopyChoice = invoked.optsWithGlobals();
    const [from, to] = [parseContainerPath(source), parseContainerPath(destination)];
    if (from !== undefined && to !== undefined) throw usage('files cannot be copied from container to container');
    if (to !== undefined && to.path === '') throw usage('the path in the container is missing after the colon');
    await inSession(options, async ({ context }) => {
      const { copyFromContainer, copyToContainer } = await import('../../../verbs/changes/copy-files.ts');
      const { archive, followLink: follow } = options;
      const choice = { ...context, stateRoot: statePlace(options), archive, follow };
      if (to !== undefined) return await copyToContainer(source === '-' ? process.stdin : source, to, choice);
      if (from === undefined || from.path === '') throw usage('one of the two must be CONTAINER:PATH');
      if (destination === '-' && process.stdout.isTTY) {
        throw new TsimgError('USAGE', 'an archive is not written to a terminal', {
          hint: 'redirect it, or name a path',
        });
      }
      await copyFromContainer(from, destination === '-' ? process.stdout : destination, choice);
    });
  });
}

import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { probeHost } from '../../host/facts/probe.ts';
import { sweepKilled } from '../../host/life/sweep-killed.ts';
import { containersFolder } from '../../host/state/container.ts';
import { listContainers } from '../../host/state/find-container.ts';
import { sweepNames } from '../../host/state/names.ts';
import { type PruneOptions, pruneImages, type RemovedImages } from './remove-image.ts';

/**
 * Removes what does not run and has no name: docker's `system prune`. All containers that nobody keeps alive go, those with
 * damaged records too, images without a name (or all), and what nothing needs any more.
 * @throws as `pruneImages`
 */
export async function prune(options: PruneOptions, context: Context = {}): Promise<RemovedImages> {
  const folder = containersFolder(options.storeRoot);
  // A damaged record cannot say what it left elsewhere; one that is another's cannot be removed.
  const unread: TsimgError[] = [];
  const ended = (await listContainers(folder, (error) => unread.push(error))).filter(
    ({ alive, left }) => !alive && left === undefined,
  );
  const report = await pruneImages({ ...options, endedContainers: true }, context);
  if (ended.length > 0) {
    const facts = probeHost();
    for (const { record } of ended) await sweepKilled(record, facts);
  }
  await sweepNames(folder);
  for (const { message, hint, where = '' } of unread) {
    if (!existsSync(dirname(where))) continue;
    context.onEvent?.({ kind: 'warning', message: hint === undefined ? message : `${message}; ${hint}` });
  }
  return report;
}

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
 * Removes unused containers and images, as docker's `system prune`: all containers that are not running, also those
 * with damaged records; images without a name, or all; unpacked layers and blobs that no image and no container needs.
 * @throws as `pruneImages`
 */
export async function prune(options: PruneOptions, context: Context = {}): Promise<RemovedImages> {
  const folder = containersFolder(options.storeRoot);
  // Records that cannot be read. A container of another user cannot be removed, and is reported at the end.
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

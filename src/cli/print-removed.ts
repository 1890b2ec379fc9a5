import type { RemovedImages } from '../verbs/image/remove-image.ts';
import type { CommonOptions, Session } from './session.ts';
import { formatSize } from './show/format-size.ts';

/** Prints what `rmi` and `prune` removed, as docker does. */
export function printRemoved(report: RemovedImages, options: CommonOptions, { print, printJson, note }: Session): void {
  if (options.json) {
    printJson(report);
    return;
  }
  for (const name of report.untagged) print(`Untagged: ${name}`);
  for (const digest of report.removed) print(`Deleted: ${digest}`);
  if (options.quiet) return;
  const containers = report.swept?.containers ?? 0;
  if (containers > 0) note(`${containers} ${containers === 1 ? 'container' : 'containers'} removed`);
  const unfinished = report.swept?.unfinished ?? 0;
  if (unfinished > 0) note(`${unfinished} unfinished ${unfinished === 1 ? 'download' : 'downloads'} removed`);
  if (report.swept !== undefined) note(`${formatSize(report.swept.bytes)} freed`);
  if (report.inUse) note('tsimg: the store is in use: a later tsimg prune frees the rest');
}

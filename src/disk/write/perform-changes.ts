import { setImmediate } from 'node:timers/promises';
import type { Change } from '../../rootfs/plan/change.ts';
import { createWriter, type WriterOptions } from './writer.ts';

/** Changes between two looks at signals: some 20 ms of system calls. */
const BATCH = 1000;

/**
 * Performs all changes; returns how many names they made. The signal stops it between two changes.
 * @throws FILESYSTEM, POLICY_VIOLATED
 */
export async function performChanges(
  changes: Iterable<Change>,
  options: WriterOptions,
  signal?: AbortSignal,
): Promise<number> {
  const writer = createWriter(options);
  let count = 0;
  let names = 0;
  try {
    for (const change of changes) {
      if (count % BATCH === 0) {
        await setImmediate();
        signal?.throwIfAborted();
      }
      writer.perform(change);
      count += 1;
      if (change.kind !== 'attributes' && change.kind !== 'opaque') names += 1;
    }
  } finally {
    writer.close();
  }
  return names;
}

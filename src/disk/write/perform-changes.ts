import { setImmediate } from 'node:timers/promises';
import type { Change } from '../../rootfs/plan/change.ts';
import { createWriter, type WriterOptions } from './writer.ts';

/** Changes made in one go, some 20 ms of system calls, before signals are looked at. */
const BATCH = 1000;

/**
 * Makes all changes real; how many names they made. Stops between them when the signal says so.
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

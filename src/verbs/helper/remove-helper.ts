import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { removePath } from '../../disk/directory/remove-path.ts';
import { DESCRIPTOR } from '../../host/start/channel.ts';
import { parseMessage } from '../../host/stdio/read-messages.ts';
import { portableError } from '../../sys/portable-error.ts';
import type { RemoveMessage } from './remove-trees.ts';

// A program of its own: as root in the user namespace of an ordinary user, it removes trees whose files belong to
// subordinate IDs. Its input is a JSON list of their paths.

function tell(message: RemoveMessage): void {
  writeSync(DESCRIPTOR.status, `${JSON.stringify(message)}\n`);
}

function isPaths(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((path) => typeof path === 'string' && path.startsWith('/'));
}

async function main(): Promise<void> {
  const input = new Socket({ fd: DESCRIPTOR.control, readable: true, writable: false });
  try {
    for (const path of parseMessage(await text(input), isPaths)) {
      try {
        tell({ kind: 'removed', bytes: await removePath(path) });
      } catch (error) {
        tell({ kind: 'kept', path, error: portableError(error) });
      }
    }
  } catch (error) {
    tell({ kind: 'error', error: portableError(error) });
  }
}

/** Settles when the work is done. */
export const done = main();

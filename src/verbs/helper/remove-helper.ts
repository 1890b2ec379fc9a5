import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { removePath } from '../../disk/directory/remove-path.ts';
import { DESCRIPTOR } from '../../host/start/channel.ts';
import { portableError } from '../../sys/portable-error.ts';
import type { RemoveMessage } from './remove-message.ts';

// A process of its own: root in the user namespace of an ordinary user, it removes trees whose files belong to subordinate
// IDs. Their paths are its input, as JSON.

function tell(message: RemoveMessage): void {
  writeSync(DESCRIPTOR.status, `${JSON.stringify(message)}\n`);
}

async function main(): Promise<void> {
  const input = new Socket({ fd: DESCRIPTOR.control, readable: true, writable: false });
  const paths: readonly string[] = JSON.parse(await text(input));
  for (const path of paths) {
    try {
      tell({ kind: 'removed', bytes: await removePath(path) });
    } catch (error) {
      tell({ kind: 'kept', path, error: portableError(error) });
    }
  }
}

/** Settles when it has done its work. */
export const done = main();

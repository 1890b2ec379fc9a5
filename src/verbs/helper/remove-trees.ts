import { fileURLToPath } from 'node:url';
import { removePath } from '../../disk/directory/remove-path.ts';
import { messageOf, TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { DESCRIPTOR } from '../../host/start/channel.ts';
import { startHelper } from '../../host/start/start-helper.ts';
import { type Check, fields, isCount, isText, oneOf } from '../../host/state/document-shape.ts';
import type { HostFacts } from '../../launch/facts/host-facts.ts';
import { planIdMap } from '../../launch/plan/id-map.ts';
import { receiveError } from '../../sys/portable-error.ts';

const ENTRY = [process.execPath, fileURLToPath(new URL('../../programs/remove-helper.cjs', import.meta.url))];

/** The messages of the remove helper. An `error` is for `receiveError`. */
export type RemoveMessage =
  /** `bytes` is the space that the tree took on disk. */
  | { readonly kind: 'removed'; readonly bytes: number }
  | { readonly kind: 'kept'; readonly path: string; readonly error: unknown }
  | { readonly kind: 'error'; readonly error: unknown };

const hasMessageFields: Check = (value) =>
  fields({ kind: oneOf('removed'), bytes: isCount })(value) ||
  fields({ kind: oneOf('kept'), path: isText })(value) ||
  fields({ kind: oneOf('error') })(value);

/** Whether a value that came from another process is a message of the remove helper. */
export function isRemoveMessage(value: unknown): value is RemoveMessage {
  return hasMessageFields(value);
}

/** How trees are removed. */
interface Removal {
  readonly facts: HostFacts;
  /** Called for a tree that cannot be removed. */
  readonly kept: (path: string, error: unknown) => void;
  readonly signal: AbortSignal | undefined;
}

async function removeByHelper(paths: readonly string[], { facts, kept, signal }: Removal): Promise<number> {
  const { process, messages, complaints } = await startHelper(
    { namespaces: { idMap: planIdMap(facts) }, tools: facts.tools, args: ENTRY },
    { isMessage: isRemoveMessage },
  );
  const control = process.stream(DESCRIPTOR.control);
  const abort = () => process.kill('SIGKILL');
  signal?.addEventListener('abort', abort, { once: true });
  let bytes = 0;
  let told = 0;
  try {
    // A broken pipe means that the helper has ended: its messages or its end say why.
    control.on('error', () => {});
    control.end(JSON.stringify(paths));
    for await (const message of messages) {
      if (message.kind === 'error') throw receiveError(message.error);
      told += 1;
      if (message.kind === 'removed') bytes += message.bytes;
      else kept(message.path, receiveError(message.error));
    }
    await process.ended;
  } finally {
    signal?.removeEventListener('abort', abort);
    process.kill('SIGKILL');
  }
  signal?.throwIfAborted();
  if (told === paths.length) return bytes;
  throw new TsimgError('LAUNCH_FAILED', 'the process that removes files ended early', {
    why: (await complaints).trim(),
  });
}

/**
 * Removes trees of containers or layers with the IDs that they were written with: directly as root, or as root of the
 * caller's user namespace. A tree that cannot be removed stays, with a warning. Resolves with the bytes that were
 * freed.
 * @throws HOST_UNSUPPORTED, LAUNCH_FAILED, an AbortError on `signal`
 */
export async function removeTrees(paths: readonly string[], facts: HostFacts, context: Context): Promise<number> {
  if (paths.length === 0) return 0;
  const kept = (path: string, error: unknown) =>
    context.onEvent?.({ kind: 'warning', message: `${path} was not removed: ${messageOf(error)}` });
  if (!facts.canMount) return removeByHelper(paths, { facts, kept, signal: context.signal });
  let bytes = 0;
  for (const path of paths) {
    context.signal?.throwIfAborted();
    try {
      bytes += await removePath(path);
    } catch (error) {
      kept(path, error);
    }
  }
  return bytes;
}

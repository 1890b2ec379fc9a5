import { setTimeout as sleep } from 'node:timers/promises';
import { TsimgError } from '../../errors.ts';
import { type FoundContainer, type HeldContainer, holdContainer, readContainer } from '../../host/state/container.ts';

/** `isLocked` takes the lock briefly, so one failure does not mean that the container is in use. Milliseconds. */
const PAUSE = 10;
const ATTEMPTS = 50;

/**
 * Takes the lock of a container that has ended. Undefined where the container was removed, as with --rm.
 * @throws CONTAINER_STATE where another process keeps the lock; an AbortError
 */
export async function holdEnded(
  { folder, record }: FoundContainer,
  abort?: AbortSignal,
): Promise<HeldContainer | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const held = await holdContainer(folder, record.id);
    if (held !== undefined) return held;
    await sleep(PAUSE, undefined, { signal: abort });
    if ((await readContainer(folder, record.id)) === undefined) return undefined;
  }
  throw new TsimgError('CONTAINER_STATE', 'the container is in use', { where: record.name, hint: 'try again' });
}

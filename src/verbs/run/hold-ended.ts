import { setTimeout as sleep } from 'node:timers/promises';
import { TsimgError } from '../../errors.ts';
import { type FoundContainer, type HeldContainer, holdContainer, readContainer } from '../../host/state/container.ts';

/** Who only asks whether a container is alive holds its lock for a moment too: milliseconds. */
const PAUSE = 10;
const ATTEMPTS = 50;

/**
 * Takes the lock of a container that has ended; undefined where it is gone, as with --rm.
 * @throws CONTAINER_STATE where somebody keeps it, an AbortError
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

import { TsimgError } from '../../errors.ts';
import { type ContainerStats, containerStats } from '../../verbs/look/container-stats.ts';
import type { ContainersContext } from '../../verbs/places.ts';

/** Yields what one container uses, once a second until its end. @throws CONTAINER_NOT_FOUND, CONTAINER_STATE */
export async function* statsOf(id: string, context: ContainersContext): AsyncGenerator<ContainerStats> {
  for await (const all of containerStats([id], context)) yield* all;
}

/** Returns the first measurement. @throws CONTAINER_STATE where there is none */
export async function firstOf(all: AsyncIterable<ContainerStats>, name: string): Promise<ContainerStats> {
  for await (const stats of all) return stats;
  throw new TsimgError('CONTAINER_STATE', 'the container has ended', { where: name });
}

import { isChosen, type PublishedPort } from '../../launch/network/publish.ts';
import type { ContainerRecord, ContainerState } from './record.ts';

/**
 * Returns the published ports of a container, with those of the host that were chosen at the start; none while it does
 * not run. Pure.
 */
export function publishedPorts(
  { plan }: Pick<ContainerRecord, 'plan'>,
  state: ContainerState,
): readonly PublishedPort[] {
  if (state.status !== 'running') return [];
  if (state.ports !== undefined) return state.ports;
  // The state that an older tsimg wrote has no ports, and none was chosen then.
  return 'ports' in plan.network ? plan.network.ports.filter((port) => !isChosen(port)) : [];
}

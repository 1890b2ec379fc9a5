import { TsimgError } from '../../errors.ts';
import { containersFolder } from '../../host/state/container.ts';
import { findContainer } from '../../host/state/find-container.ts';
import { identify } from '../../host/state/process-identity.ts';
import type { NamedNetwork } from '../../launch/network/named-network.ts';
import type { JoinedProcess } from '../../launch/network/network-plan.ts';
import type { RunRequest } from '../../launch/plan/run-request.ts';
import { notRunning } from '../life/signal-container.ts';
import { furtherNetworks, requestedNetwork } from '../network/find-network.ts';

/**
 * Finds the process whose network `--network container:NAME` joins: the first process of that container, or, where NAME
 * is a number and no container's, the process with this PID. Undefined for another kind of network, or where there is
 * no such process.
 * @throws CONTAINER_NOT_FOUND, CONTAINER_AMBIGUOUS, CONTAINER_STATE, STORE_INVALID
 */
async function joinedProcess(
  stateRoot: string,
  { network = '', userns }: Pick<RunRequest, 'network' | 'userns'>,
): Promise<JoinedProcess | undefined> {
  const wanted = /^container:(.+)$/.exec(network)?.[1];
  if (wanted === undefined) return undefined;
  try {
    const container = await findContainer(containersFolder(stateRoot), wanted);
    const { status, process } = container.state;
    if (status !== 'running' || process === undefined) throw notRunning(container);
    const { request, name } = container.record;
    // A network belongs to a user namespace, and only root of that namespace can join it.
    if ((request.userns === 'keep-id') !== (userns === 'keep-id')) {
      const why = `${name} runs with --userns ${request.userns ?? 'host'}`;
      throw new TsimgError('USAGE', 'containers that share a network need the same --userns', { where: network, why });
    }
    return process;
  } catch (error) {
    const unknown = error instanceof TsimgError && error.code === 'CONTAINER_NOT_FOUND';
    if (!unknown || !/^[0-9]{1,10}$/.test(wanted)) throw error;
    return identify(Number(wanted));
  }
}

/** What a request's networks refer to: a process of another container, or networks that a user made. */
export interface FoundNetwork {
  readonly joined: JoinedProcess | undefined;
  readonly named: NamedNetwork | undefined;
  readonly further: readonly NamedNetwork[];
}

/**
 * Finds what the network of a request refers to.
 * @throws NETWORK_NOT_FOUND, CONTAINER_NOT_FOUND, CONTAINER_AMBIGUOUS, CONTAINER_STATE, STORE_INVALID
 */
export async function foundNetwork(
  stateRoot: string,
  request: Pick<RunRequest, 'network' | 'networks' | 'userns'>,
): Promise<FoundNetwork> {
  return {
    joined: await joinedProcess(stateRoot, request),
    named: requestedNetwork(stateRoot, request),
    further: furtherNetworks(stateRoot, request),
  };
}

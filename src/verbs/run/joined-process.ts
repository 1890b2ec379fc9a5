import { TsimgError } from '../../errors.ts';
import { containersFolder } from '../../host/state/container.ts';
import { findContainer } from '../../host/state/find-container.ts';
import { identify } from '../../host/state/process-identity.ts';
import type { JoinedProcess } from '../../launch/network/network-plan.ts';
import type { RunRequest } from '../../launch/plan/run-request.ts';
import { notRunning } from './signal-container.ts';

/**
 * The first process of the container that `--network container:NAME` names; NAME may also be the number of any process.
 * Undefined where no such network is asked for, or there is no such process.
 * @throws CONTAINER_NOT_FOUND, CONTAINER_AMBIGUOUS, CONTAINER_STATE, STORE_INVALID
 */
export async function joinedProcess(
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
    // Whoever is root of its network is root of its user namespace, and has the IDs of that.
    if ((request.userns === 'keep-id') !== (userns === 'keep-id')) {
      const why = `of ${name} it is ${request.userns ?? 'host'}`;
      throw new TsimgError('USAGE', 'containers that share a network have the same --userns', { where: network, why });
    }
    return process;
  } catch (error) {
    const unknown = error instanceof TsimgError && error.code === 'CONTAINER_NOT_FOUND';
    if (!unknown || !/^[0-9]{1,10}$/.test(wanted)) throw error;
    return identify(Number(wanted));
  }
}

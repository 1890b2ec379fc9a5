import { renameOnBridge } from '../../host/network/bridge-files.ts';
import { changeName } from '../../host/state/change-record.ts';
import { containersFolder } from '../../host/state/container.ts';
import { recordContainerEvent } from '../../host/state/events-file.ts';
import { findContainer } from '../../host/state/find-container.ts';
import { tryReadRecord } from '../../host/state/record.ts';
import { bridgesOf } from '../../launch/network/several-networks.ts';
import type { ContainersContext } from '../places.ts';

/**
 * Gives a container another name, running or not. The other containers on its network find it by the new name at once,
 * and no longer by the old one.
 * @throws CONTAINER_NOT_FOUND, CONTAINER_AMBIGUOUS, CONTAINER_EXISTS, USAGE, FILESYSTEM
 */
export async function renameContainer(wanted: string, name: string, context: ContainersContext): Promise<void> {
  const { folder, directory } = await findContainer(containersFolder(context.stateRoot), wanted);
  const { record, oldName } = await changeName(directory, name);
  recordContainerEvent(folder, record, 'rename', { oldName });
  const namesNow = () => {
    const now = tryReadRecord(directory)?.plan.network;
    return now?.kind === 'bridge' ? now.names : undefined;
  };
  for (const each of bridgesOf(record.plan.network)) await renameOnBridge(each, namesNow, context);
}

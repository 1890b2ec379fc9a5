import { join, posix } from 'node:path';
import { byteName } from '../../disk/publish/publish.ts';
import { TsimgError } from '../../errors.ts';
import { probeHost } from '../../host/facts/probe.ts';
import { containersFolder, type FoundContainer } from '../../host/state/container.ts';
import { findContainer } from '../../host/state/find-container.ts';
import type { LaunchPlan } from '../../launch/launch-plan.ts';
import { storedMap } from '../../launch/plan/id-map.ts';
import { CONTAINER_NAME } from '../../store-layout.ts';
import type { FileMessage, LayersRequest, ListedChange } from '../helper/file-request.ts';
import { runFileHelper } from '../helper/run-file-helper.ts';
import type { ContainersContext } from '../places.ts';

/**
 * Returns where a plan mounts, and all parents of these: missing ones are made when the container starts. Paths in
 * bytes.
 */
function mountPlaces({ steps }: LaunchPlan): readonly string[] {
  const places = new Set<string>();
  for (const step of steps) {
    if (!('target' in step)) continue;
    for (let path = posix.normalize(`/${step.target}`); path !== '/'; path = posix.dirname(path)) {
      places.add(byteName(path.slice(1).replace(/\/$/, '')));
    }
  }
  return [...places];
}

/** Returns the layers of a container, to be read. @throws CONTAINER_STATE where it has none */
export function layersOf({ record }: FoundContainer): LayersRequest {
  const { root, image, plan, name } = record;
  if (root.kind === 'directory') {
    throw new TsimgError('CONTAINER_STATE', 'the container’s changes cannot be told from its image', {
      where: name,
      why:
        image === undefined
          ? 'its root is a directory of this host, which it changes in place'
          : 'no overlay could be mounted, so its image was copied and is changed in place',
      hint: image === undefined ? undefined : 'keep images (--root) where overlays can be mounted',
    });
  }
  const idMap = storedMap(plan.idMap);
  return {
    form: idMap === undefined ? { overlay: 'trusted', recorded: false } : { overlay: 'user', recorded: true },
    upper: join(root.directory, CONTAINER_NAME.upper),
    lowers: root.lower,
    mountPlaces: mountPlaces(plan),
  };
}

/**
 * Lists the files that a container, running or not, changed in its image: docker's `diff`, in the byte order of the
 * paths.
 * @throws CONTAINER_NOT_FOUND, CONTAINER_STATE, FILESYSTEM, FORMAT_UNSUPPORTED, LIMIT_EXCEEDED
 */
export async function containerChanges(wanted: string, context: ContainersContext): Promise<readonly ListedChange[]> {
  const container = await findContainer(containersFolder(context.stateRoot), wanted);
  const request = { do: 'changes', ...layersOf(container) } as const;
  const changes: ListedChange[] = [];
  const namespaces = { idMap: storedMap(container.record.plan.idMap), ownMounts: false };
  const onMessage = (message: FileMessage) => void (message.kind === 'change' && changes.push(message.change));
  await runFileHelper(request, { namespaces, tools: probeHost().tools, onMessage }, context);
  return changes;
}

import { join, posix } from 'node:path';
import { byteName } from '../../disk/publish/publish.ts';
import { TsimgError } from '../../errors.ts';
import { probeHost } from '../../host/facts/probe.ts';
import { containersFolder, type FoundContainer } from '../../host/state/container.ts';
import { findContainer } from '../../host/state/find-container.ts';
import type { RecordedImage } from '../../host/state/record.ts';
import type { LaunchPlan } from '../../launch/launch-plan.ts';
import { storedMap } from '../../launch/plan/id-map.ts';
import { CONTAINER_NAME } from '../../store-layout.ts';
import type { ChangesSource, FileMessage, ListedChange } from '../helper/file-request.ts';
import { runFileHelper } from '../helper/run-file-helper.ts';
import { withRepair } from '../image/repair-stored.ts';
import type { ContainersContext } from '../places.ts';
import { foldForComparison, openContainerImage } from './container-image.ts';

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

/** Returns the image of a container. @throws CONTAINER_STATE where it has none */
export function imageOf({ record }: FoundContainer): RecordedImage {
  if (record.image !== undefined) return record.image;
  throw new TsimgError('CONTAINER_STATE', 'the container was not made of an image', {
    where: record.name,
    why: 'its root is a directory of this host, which it changes in place',
  });
}

/** The files of a container that has an image, to be compared with the image. */
export type ContainerFiles =
  | { readonly kind: 'overlay'; readonly source: ChangesSource }
  /** No overlay could be mounted, so the image was copied. `folded` is what `foldForComparison` makes of the image. */
  | { readonly kind: 'copy'; compareWith(folded: string): ChangesSource };

/** Returns the files of a container. */
export function filesOf({ record: { root, plan } }: FoundContainer): ContainerFiles {
  const idMap = storedMap(plan.idMap);
  const places = mountPlaces(plan);
  if (root.kind === 'directory') {
    const owners = idMap?.by === 'single' ? 'recorded' : 'kept';
    const form = { owners, records: idMap !== undefined } as const;
    const compareWith = (folded: string) =>
      ({ kind: 'copy', form, root: root.path, folded, mountPlaces: places }) as const;
    return { kind: 'copy', compareWith };
  }
  return {
    kind: 'overlay',
    source: {
      kind: 'overlay',
      form: idMap === undefined ? { overlay: 'trusted', recorded: false } : { overlay: 'user', recorded: true },
      upper: join(root.directory, CONTAINER_NAME.upper),
      lowers: root.lower,
      mountPlaces: places,
    },
  };
}

/**
 * Lists the files that a container, running or not, changed in its image: docker's `diff`, in the byte order of the
 * paths.
 * @throws CONTAINER_NOT_FOUND, CONTAINER_STATE, FILESYSTEM, FORMAT_UNSUPPORTED, LIMIT_EXCEEDED; where the container has
 * a copy of its image also IMAGE_NOT_FOUND, and what reading the image throws
 */
export async function containerChanges(wanted: string, context: ContainersContext): Promise<readonly ListedChange[]> {
  const { stateRoot: storeRoot, signal, onEvent } = context;
  const container = await findContainer(containersFolder(storeRoot), wanted);
  const image = imageOf(container);
  const files = filesOf(container);
  const list = async (of: ChangesSource) => {
    const changes: ListedChange[] = [];
    const namespaces = { idMap: storedMap(container.record.plan.idMap), ownMounts: false };
    const onMessage = (message: FileMessage) => void (message.kind === 'change' && changes.push(message.change));
    await runFileHelper({ do: 'changes', of }, { namespaces, tools: probeHost().tools, onMessage }, context);
    return changes;
  };
  if (files.kind === 'overlay') return await list(files.source);
  await using folded = await withRepair([image.digest], { storeRoot, signal, onEvent }, async () => {
    await using opened = await openContainerImage(image, { storeRoot, signal, onEvent });
    return await foldForComparison(opened.image, { storeRoot, signal, onEvent });
  });
  return await list(files.compareWith(folded.path));
}

import { join } from 'node:path';
import type { Context } from '../../events.ts';
import { probeHost } from '../../host/facts/probe.ts';
import type { FoundContainer } from '../../host/state/container.ts';
import type { IdMap } from '../../launch/launch-plan.ts';
import { storedMap } from '../../launch/plan/id-map.ts';
import { CONTAINER_NAME } from '../../store-layout.ts';
import type { FileMessage } from '../helper/file-request.ts';
import { runFileHelper } from '../helper/run-file-helper.ts';

/** The size of a container's files: bytes, by the lengths of the files. */
export interface ContainerSize {
  /** Of the files that the container made or changed. */
  readonly own: number;
  /** Of these and of all layers of its image. */
  readonly total: number;
}

/** The directory of a container's own files, and those of its image's layers. */
interface Layers {
  readonly id: string;
  readonly upper: string;
  readonly lowers: readonly string[];
  readonly idMap: IdMap | undefined;
}

/** Returns the layers of a container; none where it changes its root directory in place. */
function layersOf({ record: { id, root, plan } }: FoundContainer): readonly Layers[] {
  if (root.kind !== 'overlay') return [];
  const upper = join(root.directory, CONTAINER_NAME.upper);
  return [{ id, upper, lowers: root.lower, idMap: storedMap(plan.idMap) }];
}

/**
 * Measures the files of containers, by their IDs; a container without a layer of its own has no size. Each layer is
 * read once, by a process with the IDs that own the files. What cannot be read is a warning.
 * @throws HOST_UNSUPPORTED, LAUNCH_FAILED; an AbortError on `signal`
 */
export async function containerSizes(
  containers: readonly FoundContainer[],
  context: Context,
): Promise<ReadonlyMap<string, ContainerSize>> {
  const layers = containers.flatMap(layersOf);
  const maps = new Map(layers.map(({ idMap }) => [JSON.stringify(idMap), idMap]));
  const bytes = new Map<string, number>();
  const onMessage = (message: FileMessage) => void (message.kind === 'size' && bytes.set(message.path, message.bytes));
  for (const [key, idMap] of maps) {
    const members = layers.filter((each) => JSON.stringify(each.idMap) === key);
    const paths = [...new Set(members.flatMap(({ upper, lowers }) => [upper, ...lowers]))];
    const how = { namespaces: { idMap, ownMounts: false }, tools: probeHost().tools, onMessage };
    await runFileHelper({ do: 'sizes', paths }, how, context);
  }
  return new Map(
    layers.flatMap(({ id, upper, lowers }) => {
      const own = bytes.get(upper);
      const below = lowers.map((path) => bytes.get(path));
      if (own === undefined || !below.every((size) => size !== undefined)) return [];
      return [[id, { own, total: below.reduce((sum, size) => sum + size, own) }]];
    }),
  );
}

import type { Readable } from 'node:stream';
import { buildRootfs } from '../../disk/build-rootfs.ts';
import { destinationPath } from '../../disk/publish/destination.ts';
import { type UnpackOptions, type UnpackReport, unpackPolicy } from '../../disk/unpack-options.ts';
import { TsimgError } from '../../errors.ts';
import { probeHost } from '../../host/facts/probe.ts';
import type { Image } from '../../image/image.ts';
import type { IdMap } from '../../launch/launch-plan.ts';
import { planIdMap } from '../../launch/plan/id-map.ts';
import type { OverlayNamespace } from '../../rootfs/fold/real-attributes.ts';
import { newTolerated, tolerate } from '../../rootfs/tolerated.ts';
import { performUnpack } from '../helper/perform-unpack.ts';
import { unpackInNamespace } from '../helper/unpack-in-namespace.ts';
import type { UnpackInto } from '../helper/unpack-request.ts';
import { type ImageOptions, openImage, repairPlaces } from '../image/open-image.ts';
import { withRepair } from '../image/repair-stored.ts';
import { archiveInput, layerInputs } from '../layers/layer-inputs.ts';

/**
 * Whose the files are. `root`: whoever the image says, which takes root. `single`: the caller's, with the image's owners
 * recorded. `subuid`: the caller's for the image's root, for others its subordinate ids in turn.
 */
export type UnpackIds = 'root' | 'single' | 'subuid';

/**
 * What is made. `rootfs`: the root filesystem. `layers`: a directory for each layer, `0` for the base, in the form that
 * overlayfs mounts. `bundle`: a root filesystem in `rootfs` and an OCI runtime's `config.json` beside it.
 */
export type UnpackOutput = 'rootfs' | 'layers' | 'bundle';

/** How an image is unpacked, and what is made of it. */
export interface UnpackImageOptions extends Omit<UnpackOptions, 'ownership'> {
  /** By default `root` for root and `single` for others. */
  readonly ids?: UnpackIds | undefined;
  /** Default `rootfs`. */
  readonly output?: UnpackOutput | undefined;
}

/**
 * Unpacks an image at `destination`, which is absent or an empty directory (or any, with `force`).
 * Every layer is checked against its descriptor (by its stream) and its diff ID before anything is published.
 * @throws what `buildRootfs` throws, HOST_UNSUPPORTED where the host has no such ids, LAUNCH_FAILED
 */
export async function unpackImage(
  image: Image,
  destination: string,
  options: UnpackImageOptions = {},
): Promise<UnpackReport> {
  const isRoot = process.geteuid?.() === 0;
  const {
    ids = isRoot ? 'root' : 'single',
    output = 'rootfs',
    force,
    strict,
    policy,
    limits,
    signal,
    onEvent,
  } = options;
  if (ids === 'root' && !isRoot) {
    throw new TsimgError('HOST_UNSUPPORTED', 'only root can give files to others', {
      where: '--ids root',
      hint: 'take --ids subuid, or --ids single',
    });
  }
  const tolerated = newTolerated(unpackPolicy({ strict, policy }));
  // Counted by paths, which are bytes
  for (const { tolerance, where } of image.deviations ?? []) {
    tolerate(tolerated, tolerance, Buffer.from(where).toString('latin1'));
  }
  const withDeviations = (report: UnpackReport): UnpackReport => {
    return { ...report, tolerated: new Map([...tolerated.counts, ...report.tolerated]) };
  };
  const layers = layerInputs(image);
  const settings = { force, strict, policy, limits, ownership: ids === 'single' ? 'record' : 'set' } as const;
  const context = { signal, onEvent };
  if (ids !== 'subuid') {
    const single = ids === 'single' ? callerAlone() : undefined;
    const into = intoOf(output, image, { destination, overlay: isRoot ? 'trusted' : 'user', idMap: single });
    return withDeviations(await performUnpack({ layers, into, settings }, context));
  }
  // The process in the namespace has another working directory
  const place = destinationPath(destination, force);
  const facts = probeHost();
  const idMap = planIdMap(facts);
  if (idMap.by === 'single') {
    throw new TsimgError('HOST_UNSUPPORTED', 'no subordinate ids', {
      where: '--ids subuid',
      why: 'they take newuidmap, and ranges for this user in /etc/subuid and /etc/subgid',
      hint: 'usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER gives some; or take --ids single',
    });
  }
  const into = intoOf(output, image, { destination: place, overlay: 'user', idMap });
  const report = await unpackInNamespace({ layers, into, settings }, { idMap, tools: facts.tools }, context);
  return withDeviations({ ...report, destination });
}

/** A map without subordinate ids, even where there are some. */
function callerAlone(): IdMap {
  return planIdMap({ ...probeHost(), subordinateUids: [], subordinateGids: [] });
}

interface Place {
  readonly destination: string;
  readonly overlay: OverlayNamespace;
  /** The map of the user namespace that a container of the bundle gets; undefined for none. */
  readonly idMap: IdMap | undefined;
}

function intoOf(output: UnpackOutput, { config }: Image, { destination, overlay, idMap }: Place): UnpackInto {
  switch (output) {
    case 'rootfs':
      return { kind: 'flat', destination };
    case 'layers':
      return { kind: 'side-by-side', destination, overlay };
    case 'bundle':
      return { kind: 'bundle', destination, config, ...(idMap && { idMap }) };
  }
}

/**
 * Makes a root filesystem of one tar archive, compressed or not, as `docker export` writes it. Nothing vouches for its
 * bytes. `size` in the options is the archive's in bytes where it is known, for progress.
 */
export function unpackTar(
  archive: Readable,
  destination: string,
  options: UnpackOptions & { readonly label?: string; readonly size?: number } = {},
): Promise<UnpackReport> {
  const { label = 'archive', size = 0 } = options;
  return buildRootfs([archiveInput(archive, label, size)], destination, options);
}

/**
 * Unpacks the image that a SOURCE names, as `unpackImage` does. Blobs that are damaged in the store are fetched again.
 * @throws as openImage and unpackImage
 */
export async function unpackSource(
  source: string,
  destination: string,
  options: ImageOptions & UnpackImageOptions = {},
): Promise<UnpackReport> {
  return await withRepair([source], repairPlaces(options), async () => {
    await using opened = await openImage(source, options);
    return await unpackImage(opened.image, destination, options);
  });
}

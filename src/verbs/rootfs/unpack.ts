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
 * The owners of the files. `root`: the image's owners; only root can do this. `single`: the caller owns all files, and
 * the image's owners are recorded in extended attributes. `subuid`: the image's root is the caller, its other users are
 * the caller's subordinate IDs.
 */
export type UnpackIds = 'root' | 'single' | 'subuid';

/**
 * The form of the result. `rootfs`: the root filesystem. `layers`: a directory for each layer, `0` for the base, ready
 * for overlayfs. `bundle`: the root filesystem in `rootfs`, with a `config.json` for an OCI runtime beside it.
 */
export type UnpackOutput = 'rootfs' | 'layers' | 'bundle';

/** How an image is unpacked. */
export interface UnpackImageOptions extends Omit<UnpackOptions, 'ownership'> {
  /** Default: `root` for root, `single` for other users. */
  readonly ids?: UnpackIds | undefined;
  /** Default `rootfs`. */
  readonly output?: UnpackOutput | undefined;
}

/**
 * Unpacks an image. `destination` must be absent or an empty directory, unless `force` is set. Each layer is checked
 * against its digest and its diff ID before the result appears at the destination, whole: after a failure the
 * destination is as it was.
 * @throws DIFF_ID_MISMATCH, LAYER_INVALID, TAR_INVALID, COMPRESSION_INVALID, DESTINATION_EXISTS, DESTINATION_INVALID,
 * FILESYSTEM, LIMIT_EXCEEDED, POLICY_VIOLATED (with `strict`), the errors of a layer's stream; HOST_UNSUPPORTED where
 * the host or the caller lacks the IDs for `ids`; LAUNCH_FAILED
 * @example
 * await using opened = await openImage('alpine.tar');
 * const { names, tolerated } = await unpackImage(opened.image, './rootfs');
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
    threads,
    signal,
    onEvent,
  } = options;
  if (ids === 'root' && !isRoot) {
    throw new TsimgError('HOST_UNSUPPORTED', 'only root can give files to other users', {
      where: '--ids root',
      hint: 'use --ids subuid or --ids single',
    });
  }
  const tolerated = newTolerated(unpackPolicy({ strict, policy }));
  // Paths are counted in bytes.
  for (const { tolerance, where } of image.deviations ?? []) {
    tolerate(tolerated, tolerance, Buffer.from(where).toString('latin1'));
  }
  const withDeviations = (report: UnpackReport): UnpackReport => {
    return { ...report, tolerated: new Map([...tolerated.counts, ...report.tolerated]) };
  };
  const layers = layerInputs(image);
  const settings = { force, strict, policy, limits, threads, ownership: ids === 'single' ? 'record' : 'set' } as const;
  const context = { signal, onEvent };
  if (ids !== 'subuid') {
    const single = ids === 'single' ? callerAlone() : undefined;
    const into = intoOf(output, image, { destination, overlay: isRoot ? 'trusted' : 'user', idMap: single });
    return withDeviations(await performUnpack({ layers, into, settings }, context));
  }
  // The helper has another working directory, so it gets an absolute path.
  const place = destinationPath(destination, force);
  const facts = probeHost();
  const idMap = planIdMap(facts);
  if (idMap.by === 'single') {
    throw new TsimgError('HOST_UNSUPPORTED', 'this user has no subordinate IDs', {
      where: '--ids subuid',
      why: 'they need newuidmap, and ranges for the user in /etc/subuid and /etc/subgid',
      hint: 'ask root for: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER; or use --ids single',
    });
  }
  const into = intoOf(output, image, { destination: place, overlay: 'user', idMap });
  const report = await unpackInNamespace({ layers, into, settings }, { idMap, tools: facts.tools }, context);
  return withDeviations({ ...report, destination });
}

/** Returns a map without subordinate IDs, even where the caller has some. */
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
 * Unpacks one tar archive of a root filesystem, compressed or not, as `docker export` writes it. There is no digest to
 * check it against.
 * @param options `label` names the archive in errors; `size` is its size in bytes, for progress
 * @throws LAYER_INVALID, TAR_INVALID, COMPRESSION_INVALID, DESTINATION_EXISTS, DESTINATION_INVALID, FILESYSTEM,
 * LIMIT_EXCEEDED, POLICY_VIOLATED, and the errors of the stream
 * @example
 * await unpackTar(createReadStream('rootfs.tar.gz'), './rootfs');
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
 * Unpacks an image from any SOURCE, as `tsimg unpack` does: {@link openImage} and {@link unpackImage} in one. Blobs of
 * the store that are damaged are fetched again.
 * @throws the errors of {@link openImage} and {@link unpackImage}
 * @example
 * await unpackSource('docker://alpine:3.19', './rootfs', { platform: parsePlatform('linux/arm64') });
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

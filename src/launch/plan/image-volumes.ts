import * as posix from 'node:path/posix';
import { isCovered, type UserMount } from './user-mounts.ts';

/**
 * The treatment of an image's volumes: podman's `--image-volume`. `bind`: each is a directory of the container's own.
 */
export type ImageVolumeMode = 'bind' | 'tmpfs' | 'ignore';

/** Places of the kernel's file systems and of our devices, where an image cannot have volumes. */
const KERNEL = ['/proc', '/sys', '/dev'].map((target) => ({ target }));

/**
 * Returns the targets of an image's volumes, in its order, and those that are refused. OCI image spec, config.md,
 * "Volumes".
 */
export function volumePlaces(volumes: readonly string[]): {
  readonly places: readonly string[];
  readonly refused: readonly string[];
} {
  const all = [...new Set(volumes.map((path) => posix.normalize(`/${path}`).replace(/(.)\/$/, '$1')))];
  const isNone = (path: string) => path === '/' || path.includes('\0') || isCovered(path, KERNEL);
  return { places: all.filter((path) => !isNone(path)), refused: all.filter(isNone) };
}

/** The image's volumes as mounts, and warnings. */
export interface VolumePlan {
  /** In the image's order. */
  readonly mounts: readonly UserMount[];
  readonly warnings: readonly string[];
}

/** How the volumes of an image are mounted. */
export interface VolumeRequest {
  readonly mode: ImageVolumeMode;
  /**
   * The directory on the host that holds the volumes, each below its number in the image; undefined where there is
   * none.
   */
  readonly directory: string | undefined;
  readonly userMounts: readonly UserMount[];
}

/** Mounts for the volumes of an image, except those at or below a mount of the user's. */
export function planImageVolumes(
  volumes: readonly string[],
  { mode, directory, userMounts }: VolumeRequest,
): VolumePlan {
  if (mode === 'ignore' || (mode === 'bind' && directory === undefined)) return { mounts: [], warnings: [] };
  const { places, refused } = volumePlaces(volumes);
  const mounts = places.map((target, number): UserMount => {
    if (mode === 'bind') {
      return { do: 'bind', source: `${directory}/${number}`, target, attributes: ['nodev'], imageVolume: true };
    }
    return { do: 'mount', type: 'tmpfs', target, attributes: ['nosuid', 'nodev'], data: '', strict: false };
  });
  return {
    mounts: mounts.filter(({ target }) => !isCovered(target, userMounts)),
    warnings: refused
      .filter((path) => !isCovered(path, userMounts))
      .map((path) => `the image’s volume ${JSON.stringify(path)} is left out: the kernel’s own files are there`),
  };
}

import { TsimgError } from '../../errors.ts';
import type { BindStep, Step } from '../launch-plan.ts';
import { parseMount } from '../options/mount-option.ts';
import { parseTmpfs, parseVolume } from '../options/volumes.ts';

/** A mount from the request, or a volume of the image. */
export type UserMount = Extract<Step, { do: 'mount' }> | BindStep;

/** Returns whether a path is at or below the target of a mount. Paths are normalized. */
export function isCovered(path: string, mounts: readonly { readonly target: string }[]): boolean {
  return mounts.some(({ target }) => path === target || path.startsWith(`${target}/`));
}

/** Sorts mounts by depth: a mount hides the files below it, so /data comes before /data/cache. */
export function byDepth(mounts: readonly UserMount[]): readonly UserMount[] {
  const depth = ({ target }: UserMount) => target.split('/').length;
  return mounts.toSorted((one, other) => depth(one) - depth(other));
}

/** Lets devices of a volume work where the container is privileged and the volume is below /dev. */
function withDevices(mount: UserMount, privileged: boolean): UserMount {
  if (!privileged || mount.do !== 'bind' || !isCovered(mount.target, [{ target: '/dev' }])) return mount;
  return { ...mount, attributes: mount.attributes.filter((attribute) => attribute !== 'nodev') };
}

/** The options of a run that name mounts. */
export interface MountWishes {
  readonly tmpfs: readonly string[];
  readonly volumes: readonly string[];
  readonly mounts?: readonly string[] | undefined;
  readonly privileged?: boolean | undefined;
}

/** The directories of volumes, as in `RunSurroundings`. */
export interface VolumeFolders {
  readonly volumes?: string | undefined;
  readonly namedVolumes?: string | undefined;
}

/** Refuses two mounts at one place, of which only the last would be seen. @throws USAGE */
function refuseDuplicates(mounts: readonly UserMount[]): void {
  const targets = mounts.map(({ target }) => target);
  const twice = targets.find((target, index) => targets.indexOf(target) !== index);
  if (twice === undefined) return;
  throw new TsimgError('USAGE', 'duplicate mount point', {
    where: twice,
    why: 'two of -v, --mount and --tmpfs name it',
    hint: 'leave one of them out',
  });
}

/** Parses `-v`, `--mount` and `--tmpfs`, in the order of mounting. @throws USAGE */
export function parseUserMounts(
  request: MountWishes,
  cwd: string,
  { volumes: own, namedVolumes: named }: VolumeFolders = {},
): readonly UserMount[] {
  // The same directory holds the image's own volumes, whose names are plain numbers.
  const places = (name: string) => ({ named, own: own && `${own}/${name}` });
  const { tmpfs, volumes, mounts = [], privileged = false } = request;
  const steps = [
    ...tmpfs.map(parseTmpfs),
    ...volumes.map((text, index) => parseVolume(text, cwd, places(`v${index}`))),
    ...mounts.map((text, index) => parseMount(text, cwd, places(`m${index}`))),
  ].filter((step) => step.do === 'mount' || step.do === 'bind');
  refuseDuplicates(steps);
  return byDepth(steps.map((step) => withDevices(step, privileged)));
}

/** Targets that are mounted even below a user's mount: masks, terminals and files need them. */
const NEEDED: ReadonlySet<string> = new Set(['/dev', '/dev/pts']);

/** Removes our steps at or below a user's mount: the user's mount wins. /dev is still mounted, beneath it. */
export function givingWay(steps: readonly Step[], mounts: readonly UserMount[]): readonly Step[] {
  return steps.filter((step) => {
    switch (step.do) {
      case 'mount':
      case 'host-tree':
      case 'mask':
      case 'read-only':
      case 'file':
        return NEEDED.has(step.target) || !isCovered(step.target, mounts);
      default:
        return true;
    }
  });
}

/** Places for the init of `--init`, one of which the user's mounts leave free. */
const INIT_PLACES = ['/dev/init', '/sbin/tsimg-init'];

/** Chooses the place of the init. @throws USAGE where the user's mounts cover all places */
export function placeInit(mounts: readonly UserMount[]): string {
  const place = INIT_PLACES.find((path) => !isCovered(path, mounts));
  if (place !== undefined) return place;
  throw new TsimgError('USAGE', 'no place for the init of --init', {
    why: `something is mounted on ${INIT_PLACES.join(' and on ')}, or above`,
    hint: 'leave out --init, or one of these mounts',
  });
}

/**
 * Separates the mounts in memory that are in no other mount of the user's. Our files are made between the two groups: a
 * link in the image may lead one of them into such memory (/etc/resolv.conf to /run), and none may be made in a
 * directory of the host.
 */
export function splitMemory(mounts: readonly UserMount[]): {
  readonly memory: readonly UserMount[];
  readonly others: readonly UserMount[];
} {
  const binds = mounts.filter((mount) => mount.do === 'bind');
  const isMemory = (mount: UserMount) => mount.do === 'mount' && !isCovered(mount.target, binds);
  return { memory: mounts.filter(isMemory), others: mounts.filter((mount) => !isMemory(mount)) };
}

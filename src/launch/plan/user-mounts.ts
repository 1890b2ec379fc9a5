import { TsimgError } from '../../errors.ts';
import type { BindStep, Step } from '../launch-plan.ts';
import { parseMount } from '../options/mount-option.ts';
import { parseTmpfs, parseVolume } from '../options/volumes.ts';

/** A mount that was asked for. */
export type UserMount = Extract<Step, { do: 'mount' }> | BindStep;

/** Whether a mount lies on a path, or on a directory above it. Both are normalised. */
export function isCovered(path: string, mounts: readonly { readonly target: string }[]): boolean {
  return mounts.some(({ target }) => path === target || path.startsWith(`${target}/`));
}

/** What hides what is below it must come first: a volume at /data before one at /data/cache. */
export function byDepth(mounts: readonly UserMount[]): readonly UserMount[] {
  const depth = ({ target }: UserMount) => target.split('/').length;
  return mounts.toSorted((one, other) => depth(one) - depth(other));
}

/** Volumes show no devices, but for a privileged container those that lie where devices are. */
function withDevices(mount: UserMount, privileged: boolean): UserMount {
  if (!privileged || mount.do !== 'bind' || !isCovered(mount.target, [{ target: '/dev' }])) return mount;
  return { ...mount, attributes: mount.attributes.filter((attribute) => attribute !== 'nodev') };
}

/** The options of a run that ask for mounts. */
export interface MountWishes {
  readonly tmpfs: readonly string[];
  readonly volumes: readonly string[];
  readonly mounts?: readonly string[] | undefined;
  readonly privileged?: boolean | undefined;
}

/** `-v`, `--mount` and `--tmpfs`, in the order in which they are mounted. @throws USAGE */
export function parseUserMounts(request: MountWishes, cwd: string): readonly UserMount[] {
  const { tmpfs, volumes, mounts = [], privileged = false } = request;
  const steps = [
    ...tmpfs.map(parseTmpfs),
    ...volumes.map((text) => parseVolume(text, cwd)),
    ...mounts.map((text) => parseMount(text, cwd)),
  ].filter((step) => step.do === 'mount' || step.do === 'bind');
  return byDepth(steps.map((step) => withDevices(step, privileged)));
}

/** What is needed below a mount of the user's as well: masks, terminals and files in memory are made with it. */
const NEEDED: ReadonlySet<string> = new Set(['/dev', '/dev/pts']);

/**
 * Steps of ours without those that mount where the user mounts something, or below: what the user mounts wins. /dev
 * stays beneath it, out of sight.
 */
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

/** Where the init of `--init` may be: what the user mounts leaves one of them free. */
const INIT_PLACES = ['/dev/init', '/sbin/tsimg-init'];

/**
 * Where the init of `--init` is in the container. @throws USAGE where mounts of the user's are everywhere that it could
 * be
 */
export function placeInit(mounts: readonly UserMount[]): string {
  const place = INIT_PLACES.find((path) => !isCovered(path, mounts));
  if (place !== undefined) return place;
  throw new TsimgError('USAGE', 'no place for the init of --init', {
    why: `something is mounted on ${INIT_PLACES.join(' and on ')}, or above`,
    hint: 'leave out --init, or one of these mounts',
  });
}

/**
 * The mounts in memory that lie in no other of the user's, and the others. Files of ours come between the two: where a
 * link of the image leads one into such memory (/etc/resolv.conf to /run), it is there; nothing is made in a directory
 * of the host.
 */
export function splitMemory(mounts: readonly UserMount[]): {
  readonly memory: readonly UserMount[];
  readonly others: readonly UserMount[];
} {
  const binds = mounts.filter((mount) => mount.do === 'bind');
  const isMemory = (mount: UserMount) => mount.do === 'mount' && !isCovered(mount.target, binds);
  return { memory: mounts.filter(isMemory), others: mounts.filter((mount) => !isMemory(mount)) };
}

import { TsimgError } from '../../errors.ts';
import type { Step } from '../../launch/launch-plan.ts';
import { notADevice } from '../../launch/limits/device-list.ts';
import type { Status } from '../../sys/stub/call/file-calls.ts';
import * as files from '../../sys/stub/call/files.ts';
import { bindOnto, openHost } from './mounts.ts';
import { findPlace, makePlace, openFilePlace, type StubRoot } from './root.ts';

/** Folders of /dev that each container has of its own. */
const OWN = new Set(['/dev/pts', '/dev/shm', '/dev/mqueue', '/dev/hugepages', '/dev/fd']);
/** The deepest folder that is searched for devices: binds may form a loop. */
const MAX_DEPTH = 8;

/** A root that gets devices, and how. */
interface Placement {
  readonly root: StubRoot;
  /** Whether devices are made; otherwise the host's are bound. */
  readonly make: boolean;
}

function isDevice({ kind }: Pick<files.DirectoryEntry | Status, 'kind'>): boolean {
  return kind === 'character-device' || kind === 'block-device';
}

/** Whether the wanted device is there already. @throws LAUNCH_FAILED where something else has its name */
function isThere({ root }: Placement, target: string, wanted: Status): boolean {
  const { stub } = root;
  const place = findPlace(root, target, 'never');
  if (place === undefined) return false;
  const found = files.withDescriptor(stub, place, () => files.statusOf(stub, place));
  if (found.kind === wanted.kind && found.major === wanted.major && found.minor === wanted.minor) return true;
  throw new TsimgError('LAUNCH_FAILED', 'another device has that name in the container', { where: target });
}

function placeDevice(placement: Placement, from: number, target: string): void {
  const { root, make } = placement;
  const { stub } = root;
  const found = files.statusOf(stub, from);
  if (isThere(placement, target, found)) return;
  if (!make) {
    const at = openFilePlace(root, target, 'never');
    files.withDescriptor(stub, at, () => bindOnto(stub, from, { place: at, where: target }));
    return;
  }
  makePlace(root, target, (place) => {
    files.makeDeviceIn(place, { ...found, mode: found.mode & 0o777 });
    files.chownIn(place, found.uid, found.gid);
  });
}

/** A folder of devices that is open in the stub. */
interface Folder {
  readonly from: number;
  /** Its path in the container. */
  readonly target: string;
  /** The number of folders between it and the requested one. */
  readonly depth: number;
}

/** Places all devices below a folder of the host, but for those that the container has of its own. */
function placeFolder(placement: Placement, { from, target, depth }: Folder): void {
  const { stub } = placement.root;
  for (const entry of files.readDirectory(stub, from)) {
    const path = `${target}/${entry.name}`;
    if (!isDevice(entry) && entry.kind !== 'directory') continue;
    if (OWN.has(path) || (isDevice(entry) && ['/dev/console', '/dev/ptmx'].includes(path)) || depth > MAX_DEPTH)
      continue;
    files.withDescriptor(stub, openHost(stub, `${files.descriptorPath(from)}/${entry.name}`), (inner) => {
      if (isDevice(entry)) placeDevice(placement, inner, path);
      else placeFolder(placement, { from: inner, target: path, depth: depth + 1 });
    });
  }
}

/**
 * Places a device of the host, or all devices below a folder. @throws LAUNCH_FAILED where the source is neither,
 * SYSTEM_CALL
 */
export function placeDevices(root: StubRoot, step: Extract<Step, { do: 'host-device' }>): void {
  const { source, target, make } = step;
  const { stub } = root;
  const placement = { root, make };
  files.withDescriptor(stub, openHost(stub, source), (from) => {
    const found = files.statusOf(stub, from);
    if (found.kind === 'directory') placeFolder(placement, { from, target, depth: 0 });
    else if (isDevice(found)) placeDevice(placement, from, target);
    else throw notADevice(source);
  });
}

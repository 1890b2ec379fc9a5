import { TsimgError } from '../../errors.ts';
import type { Step } from '../../launch/launch-plan.ts';
import * as files from '../../sys/stub/call/files.ts';
import type { Hand } from '../../sys/stub/stub.ts';
import { bindOnto, openHost } from './mounts.ts';
import { findPlace, makePlace, openFilePlace } from './root-targets.ts';

/** Folders of /dev that a container has of its own. */
const OWN = new Set(['/dev/pts', '/dev/shm', '/dev/mqueue', '/dev/hugepages', '/dev/fd']);
/** A folder of devices is not deeper than this; a loop of binds would be. */
const MAX_DEPTH = 8;

/** Where devices are placed, and whether they are made or bound. */
interface Place {
  readonly hand: Hand;
  readonly rootFd: number;
  readonly make: boolean;
}

function isDevice({ kind }: Pick<files.DirectoryEntry | files.Status, 'kind'>): boolean {
  return kind === 'character-device' || kind === 'block-device';
}

/** Whether something is there already; the same device is as good as ours, anything else is not. */
function isThere({ hand, rootFd }: Place, target: string, wanted: files.Status): boolean {
  const place = findPlace(hand, rootFd, target, 'never');
  if (place === undefined) return false;
  const found = files.withDescriptor(hand, place, () => files.statusOf(hand, place));
  if (found.kind === wanted.kind && found.major === wanted.major && found.minor === wanted.minor) return true;
  throw new TsimgError('LAUNCH_FAILED', 'another device has that name in the container', { where: target });
}

function placeDevice(place: Place, from: number, target: string): void {
  const { hand, rootFd, make } = place;
  const found = files.statusOf(hand, from);
  if (isThere(place, target, found)) return;
  if (!make) {
    const at = openFilePlace(hand, rootFd, target, 'never');
    files.withDescriptor(hand, at, () => bindOnto(hand, from, at, [], target));
    return;
  }
  makePlace(hand, rootFd, target, (directory, name) => {
    files.makeDeviceIn(hand, directory, name, { ...found, mode: found.mode & 0o777 });
    files.chownIn(hand, directory, name, found.uid, found.gid);
  });
}

/** The devices of the host in a folder and those below, without what the container has of its own or that is none. */
function placeFolder(place: Place, from: number, target: string, depth: number): void {
  const { hand } = place;
  for (const entry of files.readDirectory(hand, from)) {
    const path = `${target}/${entry.name}`;
    if (!isDevice(entry) && entry.kind !== 'directory') continue;
    if (OWN.has(path) || (isDevice(entry) && ['/dev/console', '/dev/ptmx'].includes(path)) || depth > MAX_DEPTH)
      continue;
    files.withDescriptor(hand, openHost(hand, `${files.descriptorPath(from)}/${entry.name}`), (inner) => {
      if (isDevice(entry)) placeDevice(place, inner, path);
      else placeFolder(place, inner, path, depth + 1);
    });
  }
}

/** A device of the host, verified to be one, or all in a folder. @throws LAUNCH_FAILED, SYSTEM_CALL */
export function placeDevices(hand: Hand, rootFd: number, step: Extract<Step, { do: 'host-device' }>): void {
  const { source, target, make } = step;
  const place = { hand, rootFd, make };
  files.withDescriptor(hand, openHost(hand, source), (from) => {
    const found = files.statusOf(hand, from);
    if (found.kind === 'directory') placeFolder(place, from, target, 0);
    else if (isDevice(found)) placeDevice(place, from, target);
    else throw new TsimgError('LAUNCH_FAILED', 'not a device', { where: source });
  });
}

import { type BigIntStats, chmodSync, fstatSync, lchownSync, readdirSync } from 'node:fs';
import { TsimgError } from '../errors.ts';
import type { Step } from '../launch/plan.ts';
import { makeDeviceFile } from '../sys/device.ts';
import { descriptorPath, findPlace, makePlace, openFilePlace, withDescriptor } from './root-targets.ts';
import { bindOnto, openHost } from './stage-mounts.ts';

/** Folders of /dev that a container has of its own. */
const OWN = new Set(['/dev/pts', '/dev/shm', '/dev/mqueue', '/dev/hugepages', '/dev/fd']);
/** A folder of devices is not deeper than this; a loop of binds would be. */
const MAX_DEPTH = 8;

/** Whether something is there already; the same device is as good as ours, anything else is not. */
function isThere(rootFd: number, target: string, wanted: BigIntStats): boolean {
  const place = findPlace(rootFd, target, 'never');
  if (place === undefined) return false;
  const found = withDescriptor(place, () => fstatSync(place, { bigint: true }));
  if (found.rdev === wanted.rdev && found.isBlockDevice() === wanted.isBlockDevice()) return true;
  throw new TsimgError('LAUNCH_FAILED', 'another device has that name in the container', { where: target });
}

function placeDevice(rootFd: number, from: number, target: string, make: boolean): void {
  const found = fstatSync(from, { bigint: true });
  if (isThere(rootFd, target, found)) return;
  if (!make) {
    withDescriptor(openFilePlace(rootFd, target, 'never'), (place) => bindOnto(from, place, [], target));
    return;
  }
  makePlace(rootFd, target, (path) => {
    const mode = Number(found.mode & 0o777n);
    makeDeviceFile(path, found.isBlockDevice() ? 'block' : 'character', found.rdev, mode, target);
    lchownSync(path, Number(found.uid), Number(found.gid));
    chmodSync(path, mode);
  });
}

/** The devices of the host in a folder and those below, without what the container has of its own or that is none. */
function placeFolder(rootFd: number, from: number, source: string, target: string, make: boolean, depth: number): void {
  for (const entry of readdirSync(`${descriptorPath(from)}/`, { withFileTypes: true })) {
    const [path, place] = [`${source}/${entry.name}`, `${target}/${entry.name}`];
    const isDevice = entry.isCharacterDevice() || entry.isBlockDevice();
    if (!isDevice && !entry.isDirectory()) continue;
    if (OWN.has(place) || (isDevice && ['/dev/console', '/dev/ptmx'].includes(place)) || depth > MAX_DEPTH) continue;
    withDescriptor(openHost(`${descriptorPath(from)}/${entry.name}`), (inner) => {
      if (isDevice) placeDevice(rootFd, inner, place, make);
      else placeFolder(rootFd, inner, path, place, make, depth + 1);
    });
  }
}

/** A device of the host, verified to be one, or all in a folder. @throws LAUNCH_FAILED, SYSTEM_CALL */
export function placeDevices(rootFd: number, { source, target, make }: Extract<Step, { do: 'host-device' }>): void {
  withDescriptor(openHost(source), (from) => {
    const found = fstatSync(from);
    if (found.isDirectory()) placeFolder(rootFd, from, source, target, make, 0);
    else if (found.isCharacterDevice() || found.isBlockDevice()) placeDevice(rootFd, from, target, make);
    else throw new TsimgError('LAUNCH_FAILED', 'not a device', { where: source });
  });
}

import { constants, lstatSync } from 'node:fs';
import { basename, dirname } from 'node:path/posix';
import type { Step } from '../../launch/launch-plan.ts';
import { attributeBits, mountFlags } from '../../linux/mount-flags.ts';
import { O_PATH } from '../../sys/file/open-how.ts';
import * as files from '../../sys/stub/call/file-calls.ts';
import { attachMountCall, cloneMountCall, mountAttributesCall, mountCall } from '../../sys/stub/call/mounts.ts';
import { hostnameCall } from '../../sys/stub/call/namespaces.ts';
import { raiseLoopbackCalls } from '../../sys/stub/call/sockets.ts';
import type { Call } from '../../sys/stub/request.ts';
import { checkDevice, checkNoProc, checkNull, MASK_ATTRIBUTES } from './mounts.ts';
import type { StubRoot } from './root.ts';
import type { StepCalls } from './step-request.ts';
import { textFileCalls } from './text-files.ts';

type StepOf<Kind extends Step['do']> = Extract<Step, { do: Kind }>;

const { O_DIRECTORY, O_TRUNC, O_WRONLY } = constants;
const [ENOENT, EEXIST] = [-2, -17];

function directoryOf(root: StubRoot, target: string, links: 'inside' | 'never' = 'never'): Call {
  return files.openInRootCall(root.fd, target, { flags: O_PATH | O_DIRECTORY, links });
}

/** Opens a place; the calls that need it are left out where there is none. @param needing their number */
function placeIfThere(root: StubRoot, target: string, needing: number, flags = 0): Call {
  const call = files.openInRootCall(root.fd, target, { flags: O_PATH | flags, links: 'never' });
  return { ...call, expected: { result: ENOENT, skip: needing } };
}

/** Makes a directory where it is missing, in one that is there. */
function madeBefore(root: StubRoot, target: string): readonly Call[] {
  const parent = directoryOf(root, dirname(target));
  const made = files.makeDirectoryCall(parent, basename(target), 0o755);
  return [parent, { ...made, expected: { result: EEXIST, skip: 0 } }, files.closeCall(parent)];
}

/** Makes a new name in a directory that is there. */
function makeIn(root: StubRoot, target: string, make: (parent: Call, name: string) => Call): StepCalls {
  const parent = directoryOf(root, dirname(target));
  return { calls: [parent, make(parent, basename(target)), files.closeCall(parent)] };
}

function kernelFs(root: StubRoot, step: StepOf<'mount'>): StepCalls {
  const { type, source = type, target, attributes, data, strict } = step;
  const place = directoryOf(root, target, strict ? 'never' : 'inside');
  const missing = strict ? madeBefore(root, target) : [];
  const mounted = mountCall({ source, target: '.', type, flags: mountFlags(attributes), data });
  const rest = [files.goToCall(place), mounted, files.closeCall(place), files.LEAVE];
  if (strict) return { calls: [...missing, place, ...rest] };
  const fileSystem = files.fileSystemCall(place);
  return { calls: [place, fileSystem.call, ...rest], check: () => checkNoProc(fileSystem.read(), target) };
}

function device(root: StubRoot, step: StepOf<'device'>): StepCalls {
  const { target, major, minor, make } = step;
  if (make) {
    const device = { kind: 'character-device', mode: 0o666, major, minor } as const;
    return makeIn(root, target, (parent, name) => files.makeDeviceCall(parent, name, device));
  }
  const from = files.openPathCall(target, O_PATH);
  const status = files.statusCall(from);
  const parent = directoryOf(root, dirname(target));
  const file = files.makeFileCall(parent, basename(target), 0o644);
  const place = files.openInRootCall(root.fd, target, { flags: O_PATH, links: 'never' });
  const tree = cloneMountCall(from);
  const opened = [from, parent, file, place, tree];
  return {
    calls: [from, status.call, parent, file, place, tree, attachMountCall(tree, place), ...opened.map(files.closeCall)],
    check: () => checkDevice(step, status.read()),
  };
}

function hostTree(root: StubRoot, { source, target, attributes }: StepOf<'host-tree'>): StepCalls {
  const from = files.openPathCall(source, O_PATH);
  const place = directoryOf(root, target);
  const tree = cloneMountCall(from);
  const limited = attributes.length > 0 ? [mountAttributesCall(tree, attributeBits(attributes), true)] : [];
  const opened = [from, place, tree].map(files.closeCall);
  return { calls: [from, place, tree, ...limited, attachMountCall(tree, place), ...opened] };
}

function bind(root: StubRoot, step: StepOf<'bind'>, clone: number | undefined): StepCalls {
  const { source, target, attributes } = step;
  const place = files.openInRootCall(root.fd, target, { flags: O_PATH, links: 'inside' });
  const fileSystem = files.fileSystemCall(place);
  const from = files.openPathCall(source, O_PATH);
  const tree = clone ?? cloneMountCall(from);
  const opening = typeof tree === 'number' ? [] : [from, tree];
  const limited = attributes.length > 0 ? [mountAttributesCall(tree, attributeBits(attributes), true)] : [];
  const closing = [place, ...(typeof tree === 'number' ? [tree] : [from, tree])].map(files.closeCall);
  return {
    calls: [place, fileSystem.call, ...opening, ...limited, attachMountCall(tree, place), ...closing],
    check: () => checkNoProc(fileSystem.read(), target),
  };
}

/** Whether the host has a directory there, which decides only what is tried first. */
function isHostDirectory(path: string): boolean {
  try {
    return lstatSync(path).isDirectory();
  } catch {
    return false;
  }
}

function mask(root: StubRoot, { target }: StepOf<'mask'>): StepCalls | undefined {
  if (!/^\/(proc|sys)\/[^*]*$/.test(target)) return undefined;
  // Most likely it is of the same kind as the host's. If it is not, the kernel refuses the mount.
  if (isHostDirectory(target)) {
    const place = placeIfThere(root, target, 4, O_DIRECTORY);
    const empty = { source: 'tmpfs', target: '.', type: 'tmpfs', flags: mountFlags(MASK_ATTRIBUTES), data: 'size=0k' };
    return { calls: [place, files.goToCall(place), mountCall(empty), files.closeCall(place), files.LEAVE] };
  }
  const place = placeIfThere(root, target, 7);
  const empty = files.openInRootCall(root.fd, '/dev/null', { flags: O_PATH, links: 'never' });
  const status = files.statusCall(empty);
  const tree = cloneMountCall(empty);
  const closing = [place, empty, tree].map(files.closeCall);
  return {
    calls: [place, empty, status.call, tree, attachMountCall(tree, place), ...closing],
    check([, opened]) {
      if (opened !== undefined) checkNull(status.read());
    },
  };
}

function readOnly(root: StubRoot, { target, mounted }: StepOf<'read-only'>): StepCalls {
  const bits = attributeBits(['ro']);
  if (mounted) {
    const place = placeIfThere(root, target, 2);
    return { calls: [place, mountAttributesCall(place, bits, false), files.closeCall(place)] };
  }
  const place = placeIfThere(root, target, 5);
  const tree = cloneMountCall(place);
  const closing = [place, tree].map(files.closeCall);
  return { calls: [place, tree, mountAttributesCall(tree, bits, true), attachMountCall(tree, place), ...closing] };
}

function setting({ name, value }: StepOf<'sysctl'>): StepCalls {
  const bytes = Buffer.from(value);
  const file = files.openPathCall(`/proc/sys/${name}`, O_WRONLY | O_TRUNC);
  return { calls: [file, files.writeCall(file, bytes), files.closeCall(file)] };
}

/** Returns the calls of a step; undefined for a step that has no usual way. @param clone of what the step binds */
export function callsOf(step: Step, root: StubRoot, clone: number | undefined): StepCalls | undefined {
  switch (step.do) {
    case 'hostname':
      return { calls: [hostnameCall(step.name)] };
    case 'raise-loopback':
      return { calls: raiseLoopbackCalls() };
    case 'sysctl':
      return setting(step);
    case 'mount':
      return kernelFs(root, step);
    case 'host-tree':
      return hostTree(root, step);
    case 'directory':
      return makeIn(root, step.target, (parent, name) => files.makeDirectoryCall(parent, name, step.mode));
    case 'device':
      return device(root, step);
    case 'link':
      return makeIn(root, step.target, (parent, name) => files.makeLinkCall(parent, name, step.to));
    case 'bind':
      return bind(root, step, clone);
    case 'file':
      return textFileCalls(root, step);
    case 'mask':
      return mask(root, step);
    case 'read-only':
      return readOnly(root, step);
    case 'working-directory': {
      const directory = directoryOf(root, step.target, 'inside');
      return { calls: [directory, files.closeCall(directory)] };
    }
    default:
      return undefined;
  }
}

import { TsimgError } from '../../errors.ts';
import type { TarHeader } from '../../tar/header.ts';
import { attributesOf, type LeafNode } from '../node.ts';
import { MAX_PATH, pathText } from '../path.ts';
import type { LayerEntry } from './outcome.ts';

/** 2^32-1 means "no such ID" to Linux, and would leave the owner as it is. */
const MAX_ID = 0xfffffffe;
/** The largest parts of a device number on Linux. */
const MAX_MAJOR = 0xfff;
const MAX_MINOR = 0xfffff;

/** Checks the owner of an entry. @throws LAYER_INVALID for an ID that Linux does not have */
export function checkIds(header: TarHeader): void {
  for (const id of [header.uid, header.gid]) {
    if (id < 0 || id > MAX_ID) throw impossible(header, `it belongs to ${header.uid}:${header.gid}`);
  }
}

/**
 * Makes the node of an entry that is no directory. A hard link is a file until it is bound to its target.
 * @throws LAYER_INVALID for a symlink or device that cannot be made
 */
export function leafNode({ header, body }: LayerEntry, layer: number): LeafNode {
  const attributes = attributesOf(header);
  const { linkPath, deviceMajor, deviceMinor } = header;
  switch (header.kind) {
    case 'symlink':
      if (linkPath === '' || linkPath.includes('\0') || linkPath.length > MAX_PATH) {
        throw impossible(header, `a symlink's target is empty, holds NUL or is longer than ${MAX_PATH} bytes`);
      }
      return { kind: 'symlink', attributes, layer, shared: false, target: linkPath };
    case 'character-device':
    case 'block-device':
      if (deviceMajor > MAX_MAJOR || deviceMinor > MAX_MINOR) {
        throw impossible(header, `there is no device ${deviceMajor}:${deviceMinor}`);
      }
      return { kind: header.kind, attributes, layer, shared: false, major: deviceMajor, minor: deviceMinor };
    case 'fifo':
      return { kind: 'fifo', attributes, layer, shared: false, major: 0, minor: 0 };
    default:
      return { kind: 'file', attributes, layer, shared: false, size: header.size, body };
  }
}

function impossible(header: TarHeader, why: string): TsimgError {
  return new TsimgError('LAYER_INVALID', 'the layer has an entry that cannot be made', {
    where: pathText(header.path),
    why,
  });
}

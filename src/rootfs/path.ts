import { TsimgError } from '../errors.ts';

/**
 * A place in a root filesystem: components joined by `/`, none of them empty, `.` or `..`; the empty text is the root
 * itself. Bytes, one per character (latin1). Only walking the tree makes such a path, and writers accept no other.
 */
export type RootfsPath = string & { readonly __brand: 'RootfsPath' };

export const ROOT_PATH = '' as RootfsPath;

/** Linux: the most bytes of one name (NAME_MAX), and of a path without its NUL (PATH_MAX). */
const MAX_NAME = 255;
export const MAX_PATH = 4095;

/** A name of an archive, split and cleaned. */
export interface CleanName {
  readonly components: readonly string[];
  /** Whether the name had `..`, which was removed together with the component before it. */
  readonly climbed: boolean;
}

/** Returns the path of a child of a directory. The name must be the key of a node of the tree. */
export function childPath(parent: RootfsPath, name: string): RootfsPath {
  return (parent === '' ? name : `${parent}/${name}`) as RootfsPath;
}

/** Turns bytes into readable text for a message; bytes that are no UTF-8 become U+FFFD. Escaped only when printed. */
export function pathText(path: string): string {
  return Buffer.from(path, 'latin1').toString('utf8');
}

/** Whether a text is a name in a directory: one component, and neither `.` nor `..`. */
export function isName(text: string): boolean {
  if (text === '' || text === '.' || text === '..' || text.length > MAX_NAME) return false;
  return !text.includes('/') && !text.includes('\0');
}

/**
 * Splits a name of an archive: relative to the root whether it is absolute or not, without `.` and doubled slashes;
 * `..` is removed lexically and never leads above the root.
 * @throws LAYER_INVALID for NUL and for names longer than Linux allows
 */
export function cleanName(name: string): CleanName {
  if (name.includes('\0')) throw invalidName(name, 'a name holds NUL');
  if (name.length > MAX_PATH + 1) throw invalidName(name.slice(0, 100), `a path is longer than ${MAX_PATH} bytes`);
  const components: string[] = [];
  let climbed = false;
  for (const component of name.split('/')) {
    if (component === '' || component === '.') continue;
    if (component === '..') {
      climbed = true;
      components.pop();
    } else {
      if (component.length > MAX_NAME) throw invalidName(name, `a name is longer than ${MAX_NAME} bytes`);
      components.push(component);
    }
  }
  return { components, climbed };
}

function invalidName(name: string, why: string): TsimgError {
  return new TsimgError('LAYER_INVALID', 'the layer has a name that no file can have', { where: pathText(name), why });
}

import { constants } from 'node:fs';
import { ROOT_PATH, type RootfsPath } from '../../rootfs/path.ts';
import { closeDescriptor, openAt } from '../../sys/file/files.ts';
import { check } from './check.ts';

/** A descriptor of a directory and a name in it: the arguments of every call. */
export interface NameAt {
  readonly directory: number;
  readonly name: string;
}

/** Opens a directory by its name in an open directory. @param path bytes (latin1), from the root of the stack */
export type OpenDirectory = (at: NameAt, path: string) => number;

const openPlainly: OpenDirectory = ({ directory, name }, path) =>
  check(openAt(directory, name, constants.O_RDONLY | constants.O_DIRECTORY), 'open a directory', path);

interface Level {
  readonly path: string;
  readonly descriptor: number;
}

/**
 * Holds descriptors of the directories from a root to the current one. Each is opened in the one above by a single name
 * that is no symlink, so no path leads out of the root. It closes what it opened, but not the root.
 */
export class DirectoryStack {
  readonly #root: number;
  readonly #open: OpenDirectory;
  readonly #levels: Level[] = [];

  /** @param open opens a directory in another way than the default */
  constructor(root: number, open: OpenDirectory = openPlainly) {
    this.#root = root;
    this.#open = open;
  }

  /** Returns the directory of a place and the name in it; the root is `.` in itself. @throws FILESYSTEM */
  locate(path: RootfsPath): NameAt {
    if (path === ROOT_PATH) {
      this.#leaveUntil('');
      return { directory: this.#root, name: '.' };
    }
    const slash = path.lastIndexOf('/');
    return { directory: this.#enter(slash < 0 ? '' : path.slice(0, slash)), name: path.slice(slash + 1) };
  }

  close(): void {
    this.#leaveUntil('');
  }

  #enter(path: string): number {
    const base = this.#leaveUntil(path);
    let descriptor = base?.descriptor ?? this.#root;
    for (let from = base === undefined ? 0 : base.path.length + 1; from < path.length; ) {
      const slash = path.indexOf('/', from);
      const end = slash < 0 ? path.length : slash;
      descriptor = this.#open({ directory: descriptor, name: path.slice(from, end) }, path.slice(0, end));
      this.#levels.push({ path: path.slice(0, end), descriptor });
      from = end + 1;
    }
    return descriptor;
  }

  /** Closes the directories that are not on the way to a path; returns the lowest one that is. */
  #leaveUntil(path: string): Level | undefined {
    for (let top = this.#levels.at(-1); top !== undefined; top = this.#levels.at(-1)) {
      if (path.startsWith(top.path) && (path.length === top.path.length || path[top.path.length] === '/')) return top;
      closeDescriptor(top.descriptor);
      this.#levels.pop();
    }
    return undefined;
  }
}

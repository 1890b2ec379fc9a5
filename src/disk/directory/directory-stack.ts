import { constants } from 'node:fs';
import { ROOT_PATH, type RootfsPath } from '../../rootfs/path.ts';
import { closeDescriptor, openAt } from '../../sys/file/files.ts';
import { check } from './check.ts';

/** A descriptor of a directory, and a name in it: what every call is made with. */
export interface NameAt {
  readonly directory: number;
  readonly name: string;
}

/** Opens a directory by its name in another that is open. @param path bytes (latin1), from the stack's root */
export type OpenDirectory = (at: NameAt, path: string) => number;

const openPlainly: OpenDirectory = ({ directory, name }, path) =>
  check(openAt(directory, name, constants.O_RDONLY | constants.O_DIRECTORY), 'open a directory', path);

interface Level {
  readonly path: string;
  readonly descriptor: number;
}

/**
 * Open descriptors of the directories from a root to where work goes on. Each is opened in the one above by a single
 * name that is no symlink, so no path leads out of the root, whatever lies in it. Closes what it opened, not the root.
 */
export class DirectoryStack {
  readonly #root: number;
  readonly #open: OpenDirectory;
  readonly #levels: Level[] = [];

  /** @param open how a directory is opened, where it is not to be as above */
  constructor(root: number, open: OpenDirectory = openPlainly) {
    this.#root = root;
    this.#open = open;
  }

  /** The directory that a place is in and its name there; the root is `.` in itself. @throws FILESYSTEM */
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

  /** Closes what is not on the way to a path; the lowest that is. */
  #leaveUntil(path: string): Level | undefined {
    for (let top = this.#levels.at(-1); top !== undefined; top = this.#levels.at(-1)) {
      if (path.startsWith(top.path) && (path.length === top.path.length || path[top.path.length] === '/')) return top;
      closeDescriptor(top.descriptor);
      this.#levels.pop();
    }
    return undefined;
  }
}

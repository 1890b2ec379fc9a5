import { closeSync, openSync, readSync } from 'node:fs';
import { isStaticProgram } from '../../linux/elf.ts';
import { findTool } from './tools.ts';

/** Inits that do what `--init` promises and nothing else; a static one is the same whatever the container has of libraries. */
const NAMES = ['tini-static', 'catatonit', 'docker-init', 'tini'];
const PLACES = ['/usr/libexec/podman/catatonit', '/usr/lib/podman/catatonit', '/usr/libexec/docker/docker-init'];

function startOf(path: string): Uint8Array | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    const bytes = Buffer.alloc(4096);
    return bytes.subarray(0, readSync(fd, bytes));
  } finally {
    closeSync(fd);
  }
}

/** A static init of the host for `--init`, or undefined. */
export function findInit(): string | undefined {
  const named = NAMES.map(findTool).filter((path) => path !== undefined);
  return [...named, ...PLACES].find((path) => {
    const bytes = startOf(path);
    return bytes !== undefined && isStaticProgram(bytes);
  });
}

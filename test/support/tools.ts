import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

/** Programs that tests hold tsimg against → the Debian package each is in. */
export const REQUIRED_TOOLS: Readonly<Record<string, string>> = {
  'docker-registry': 'docker-registry',
  skopeo: 'skopeo',
  umoci: 'umoci',
  buildah: 'buildah',
  crun: 'crun',
  bwrap: 'bubblewrap',
  catatonit: 'catatonit',
  runc: 'runc',
  newuidmap: 'uidmap',
  setfattr: 'attr',
  busybox: 'busybox-static',
  bsdtar: 'libarchive-tools',
  zstd: 'zstd',
  xz: 'xz-utils',
  python3: 'python3',
  ip: 'iproute2',
  ipcmk: 'util-linux',
  useradd: 'passwd',
  openssl: 'openssl',
  setcap: 'libcap2-bin',
};

const PLACES = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** The path of a program, or undefined where it is not installed. */
export function findTool(name: string): string | undefined {
  for (const place of PLACES) {
    const path = join(place, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not in this one
    }
  }
  return undefined;
}

export function missingTools(): readonly string[] {
  return Object.keys(REQUIRED_TOOLS).filter((name) => findTool(name) === undefined);
}

/** Whether all of these are there; where not, prints the one line that says what a test is skipped for. */
export function haveTools(...names: readonly string[]): boolean {
  const missing = names.filter((name) => findTool(name) === undefined);
  if (missing.length > 0) console.log(`skipped: needs ${missing.join(', ')}`);
  return missing.length === 0;
}

/** Whether the test runs as root; where not, prints the line. */
export function haveRoot(): boolean {
  const root = process.getuid?.() === 0;
  if (!root) console.log('skipped: needs root');
  return root;
}

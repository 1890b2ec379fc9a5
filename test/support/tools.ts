import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { findTrustedLibrary } from '../../src/sys/library/trusted-library.ts';

/** The programs that tests compare tsimg with, and the Debian package of each. */
const REQUIRED_TOOLS: Readonly<Record<string, string>> = {
  'docker-registry': 'docker-registry',
  skopeo: 'skopeo',
  umoci: 'umoci',
  buildah: 'buildah',
  crun: 'crun',
  bwrap: 'bubblewrap',
  catatonit: 'catatonit',
  runc: 'runc',
  newuidmap: 'uidmap',
  getfattr: 'attr',
  setfattr: 'attr',
  busybox: 'busybox-static',
  bsdtar: 'libarchive-tools',
  zstd: 'zstd',
  xz: 'xz-utils',
  python3: 'python3',
  git: 'git',
  ip: 'iproute2',
  ipcmk: 'util-linux',
  taskset: 'util-linux',
  losetup: 'mount',
  useradd: 'passwd',
  openssl: 'openssl',
  gpg: 'gnupg',
  gpgv: 'gpgv',
  setcap: 'libcap2-bin',
  podman: 'podman',
  nginx: 'nginx',
  'redis-server': 'redis-server',
  containerd: 'containerd',
  ctr: 'containerd',
  pasta: 'passt',
  tinyproxy: 'tinyproxy-bin',
  microsocks: 'microsocks',
  strace: 'strace',
  slirp4netns: 'slirp4netns',
  nft: 'nftables',
  iptables: 'iptables',
  'qemu-system-x86_64': 'qemu-system-x86',
  'linux.uml': 'user-mode-linux',
  zsh: 'zsh',
  fish: 'fish',
  mandoc: 'mandoc',
  man: 'man-db',
  groff: 'groff-base',
  as: 'binutils',
  'aarch64-linux-gnu-as': 'binutils-aarch64-linux-gnu',
  'qemu-aarch64-static': 'qemu-user-static',
};

/** The shared libraries of the host that tsimg can use, and the Debian package of each. */
const REQUIRED_LIBRARIES: Readonly<Record<string, string>> = {
  'libisal.so.2': 'libisal2',
  'libzstd.so.1': 'libzstd1',
};

const PLACES = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** Returns the path of a program; undefined where it is not installed. */
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

/** Returns the newest installed kernel of Debian, such as `6.1.0-56-cloud-amd64`; undefined without one. */
export function installedKernel(): string | undefined {
  if (!existsSync('/boot') || !existsSync('/lib/modules')) return undefined;
  const versions = readdirSync('/lib/modules').filter((version) => existsSync(`/boot/vmlinuz-${version}`));
  return versions.toSorted().at(-1);
}

/** Returns the Debian packages of the programs and libraries that are not installed. */
export function missingPackages(): readonly string[] {
  const tools = Object.entries(REQUIRED_TOOLS).filter(([name]) => findTool(name) === undefined);
  const libraries = Object.entries(REQUIRED_LIBRARIES).filter(([name]) => findTrustedLibrary(name) === undefined);
  const kernel = process.arch === 'x64' && installedKernel() === undefined ? ['linux-image-cloud-amd64'] : [];
  // Its programs are not in the places of other programs.
  const database = existsSync('/usr/lib/postgresql') ? [] : ['postgresql'];
  return [...new Set([...tools, ...libraries].map(([, debianPackage]) => debianPackage)), ...kernel, ...database];
}

/** Whether all of these are installed; prints the line `skipped: needs X` otherwise. */
export function haveTools(...names: readonly string[]): boolean {
  const missing = names.filter((name) => findTool(name) === undefined);
  if (missing.length > 0) console.log(`skipped: needs ${missing.join(', ')}`);
  return missing.length === 0;
}

/** Whether the test runs as root; prints the line `skipped: needs X` otherwise. */
export function haveRoot(): boolean {
  const root = process.getuid?.() === 0;
  if (!root) console.log('skipped: needs root');
  return root;
}
